"""The RTL lint: clean modules pass, every kind of finding fails and is shown, and no module is forgotten."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from flows import lint
from flows.lint_grid import GRID, Case
from flows.synthesize.jobs import RTL

CLEAN = """// inverter
`default_nettype none
module inverter #(parameter int unsigned WIDTH) (input wire logic [WIDTH-1:0] d, output logic [WIDTH-1:0] q);
  assign q = ~d;
endmodule
`default_nettype wire
"""


def widths() -> Iterator[Case]:
    for width in (1, 2, 3, 4, 8, 64):
        yield Case({"WIDTH": width})


def run(folder: Path, text: str, grid: lint.Grid | None = None, name: str = "inverter") -> tuple[int, str]:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.sv").write_text(text, encoding="utf-8")
    shown: list[str] = []
    code = lint.main(folder, {"inverter": widths} if grid is None else grid, shown.append)
    return code, "\n".join(shown)


def test_clean_module(tmp_path: Path) -> None:
    code, shown = run(tmp_path / "rtl with a space", CLEAN)
    assert code == 0, shown
    assert "clean  (6 parameter sets)" in shown


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("assign q = ~d;", "assign q = ~d[WIDTH-2:0];", "WIDTHEXPAND"),
        ("assign q = ~d;", "logic spare; assign q = ~d;", "UNUSEDSIGNAL"),
        ("assign q = ~d;", "assign q = nothing;", "nothing"),
        ("assign q = ~d;", "always_comb if (d[0]) q = d;", "LATCH"),
        ("assign q = ~d;", 'if (WIDTH == 64) $fatal(1, "too wide"); assign q = ~d;', "too wide"),
    ],
)
def test_finding_fails_and_is_shown(tmp_path: Path, old: str, new: str, expected: str) -> None:
    code, shown = run(tmp_path, CLEAN.replace(old, new))
    assert code == 1
    assert expected in shown and "inverter             FAILED" in shown


def test_what_only_slang_refuses(tmp_path: Path) -> None:
    """Verilator's lint does not open memory images; Yosys does."""
    text = CLEAN.replace(
        "assign q = ~d;", 'logic [WIDTH-1:0] m[2]; initial $readmemh("no.hex", m); assign q = m[d[0]];'
    )
    text = text.replace("assign q", "// verilator lint_off UNUSEDSIGNAL\n  assign q")
    text = text.replace("input wire logic [WIDTH-1:0] d", "input wire logic [0:0] d")
    code, shown = run(tmp_path, text)
    assert code == 1 and "read_slang" in shown and "no.hex" in shown


def test_module_without_grid_is_an_error(tmp_path: Path) -> None:
    code, shown = run(tmp_path, CLEAN, {})
    assert code == 1 and "no parameter grid: add 'inverter'" in shown


def test_part_of_another_module_needs_no_grid(tmp_path: Path) -> None:
    (tmp_path / "inverter_half.sv").write_text(CLEAN.replace("inverter", "inverter_half"), encoding="utf-8")
    outer = CLEAN.replace("assign q = ~d;", "inverter_half #(.WIDTH(WIDTH)) i_half (.d, .q);")
    code, shown = run(tmp_path, outer)
    assert code == 0 and "no set of its own" in shown


def test_too_few_sets_and_unknown_module(tmp_path: Path) -> None:
    code, shown = run(tmp_path, CLEAN, {"inverter": lambda: iter((Case({"WIDTH": 4}),))})
    assert code == 1 and "fewer than 6 parameter sets" in shown
    code, shown = run(tmp_path, CLEAN, {"inverter": widths, "gone": widths})
    assert code == 1 and "gone                 FAILED" in shown


def test_every_rtl_module_is_in_the_grid() -> None:
    modules = {path.stem: path.read_text(encoding="utf-8") for path in RTL.glob("*.sv")}
    assert lint.uncovered(modules, GRID) == {}
