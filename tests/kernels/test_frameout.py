"""frameout is tested behind framein, whose inverse it is: tests/kernels/test_framein.py. Here: what only it does."""

from pathlib import Path

import pytest

from flows.errors import ToolFailed
from flows.simulate.bench import Dut, build_duts, rtl_files


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"WORD_WIDTH": 32, "BEAT_WIDTH": 24, "IN_WIDTH": 8}, "BEAT_WIDTH must be a divisor or a multiple"),
        ({"WORD_WIDTH": 32, "BEAT_WIDTH": 8, "IN_WIDTH": 9}, "IN_WIDTH must be 1 to BEAT_WIDTH"),
    ],
)
def test_illegal_parameters_are_refused(tmp_path: Path, params: dict[str, int], message: str) -> None:
    ports = (
        "start",
        "batch",
        "busy",
        "word",
        "frame",
        *(f"s_axis_{s}" for s in ("tdata", "tvalid", "tlast", "tready")),
    )
    ports += tuple(f"m_axis_{s}" for s in ("tdata", "tvalid", "tlast", "tready"))
    with pytest.raises(ToolFailed, match=message):
        build_duts([Dut("dut", "frameout", params, (), (), unused=ports)], rtl_files(), tmp_path)
