"""Counting of primitives: what each cell type costs, and that nothing is ignored."""

import pytest

from flows.errors import ToolFailed
from flows.synthesize.cells import RESOURCES, add, count


def only(**expected: int) -> dict[str, int]:
    return dict.fromkeys(RESOURCES, 0) | expected


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("LUT1", only(LUT=1)),
        ("LUT6", only(LUT=1)),
        ("INV", only(LUT=1)),
        ("MUXF7", only()),
        ("MUXF8", only()),
        ("SRL16E", only(LUT=1, SRL=1)),
        ("SRLC32E", only(LUT=1, SRL=1)),
        ("RAM32X1D", only(LUT=2, LUTRAM=2)),
        ("RAM32M", only(LUT=4, LUTRAM=4)),
        ("RAM64M", only(LUT=4, LUTRAM=4)),
        ("RAM32M16", only(LUT=8, LUTRAM=8)),
        ("RAM64M8", only(LUT=8, LUTRAM=8)),
        ("RAM128X1D", only(LUT=4, LUTRAM=4)),
        ("RAM256X1S", only(LUT=4, LUTRAM=4)),
        ("FDRE", only(FF=1)),
        ("FDSE_1", only(FF=1)),
        ("CARRY4", only(CARRY=1)),
        ("CARRY8", only(CARRY=2)),
        ("RAMB18E1", only(BRAM_18K=1)),
        ("RAMB36E2", only(BRAM_18K=2)),
        ("URAM288", only(URAM=1)),
        ("DSP48E1", only(DSP=1)),
        ("DSP48E2", only(DSP=1)),
    ],
)
def test_cost_of_one_cell(cell: str, expected: dict[str, int]) -> None:
    assert count({cell: 1}) == expected
    assert count({cell: 3}) == {name: 3 * n for name, n in expected.items()}


def test_cells_add_up() -> None:
    assert count({"LUT2": 3, "RAM64M": 2, "SRL16E": 5, "FDRE": 7}) == only(LUT=16, LUTRAM=8, SRL=5, FF=7)
    assert add([only(LUT=2, FF=1), only(LUT=3, DSP=4)]) == only(LUT=5, FF=1, DSP=4)


@pytest.mark.parametrize("cell", ["$mul", "$scopeinfo", "IBUF", "\\my_black_box"])
def test_unknown_cell_is_an_error_that_names_it(cell: str) -> None:
    with pytest.raises(ToolFailed, match="MVAU_0") as caught:
        count({"LUT2": 3, cell: 1}, "MVAU_0")
    assert repr(cell) in str(caught.value)
