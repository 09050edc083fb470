"""The registers of an accelerator, through the AXI-Lite port of a whole one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.errors import ToolFailed
from flows.simulate.bench import Dut, build_duts, rtl_files
from flows.simulate.driver import MEMORY_BYTES
from flows.simulate.pynq_sim.pynq._board import Board
from tests.pynq_sim.small import Small, small

CONTROL, BATCH, STATUS, FRAMES_IN, CYCLES, TOTAL = 0x0C, 0x20, 0x24, 0x28, 0x38, 0x40
BUSY, RESETTING, REFUSED = 0x7, 0x8, 0x400


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Small:
    return small(tmp_path_factory.mktemp("small"))


@pytest.fixture
def board(net: Small) -> Iterator[Board]:
    settings = {"program": "sim", "dma_bits": 32, "memory_bytes": MEMORY_BYTES, "seed": 3, "stall_percent": 0}
    made = Board(settings, net.simulated.folder)
    assert made.read(0, STATUS) in (0, RESETTING | 1)
    assert made.read(0, STATUS) == 0
    yield made
    made.close()


def test_identity_and_what_is_not_there(net: Small, board: Board) -> None:
    assert board.read(0, 0x00) == 0x41325146
    assert board.read(0, 0x04) == 32 << 16 | 1
    stages = sum(bool(i.op) for i in net.design.instances)
    assert board.read(0, 0x08) == stages
    text = str(net.hardware[next(n for n in net.hardware if n.suffix == ".v")])
    words = [board.read(0, 0x10 + 4 * i) for i in range(4)]
    assert f"128'h{sum(w << 32 * i for i, w in enumerate(words)):032x}" in text
    for offset in (0x44, 0x3FC, 0x400 + 4 * stages, 0x800 + 4 * stages, 0xFFC):
        assert board.read(0, offset) == 0
    for offset in (0x00, 0x10, STATUS, FRAMES_IN, 0x400, 0xFFC):
        board.write(0, offset, 0xFFFFFFFF)
    assert board.read(0, 0x00) == 0x41325146 and board.read(0, STATUS) == 0


def test_a_batch_is_taken_when_idle_only(board: Board) -> None:
    board.write(0, BATCH, 0)
    assert board.read(0, STATUS) == REFUSED
    board.write(0, CONTROL, 1)
    board.write(0, BATCH, 5)
    assert (board.read(0, BATCH), board.read(0, STATUS)) == (5, BUSY)
    board.write(0, BATCH, 9)
    assert (board.read(0, BATCH), board.read(0, STATUS)) == (5, REFUSED | BUSY)


def test_soft_reset_ends_a_batch_and_clears_what_was_counted(board: Board) -> None:
    board.write(0, BATCH, 3)
    assert board.read(0, CYCLES) > 0
    board.write(0, CONTROL, 0)
    assert board.read(0, STATUS) == BUSY, "only a one resets"
    board.write(0, CONTROL, 1)
    assert board.read(0, STATUS) in (0, RESETTING | 1)
    assert board.read(0, STATUS) == 0
    assert [board.read(0, offset) for offset in (FRAMES_IN, CYCLES, TOTAL)] == [0, 0, 0]
    first = board.read(0, CYCLES)
    assert board.read(0, CYCLES) == first == 0, "an idle accelerator counts no cycles"


@pytest.mark.parametrize(("changed", "message"), [({"DMA_WIDTH": 16}, "DMA_WIDTH"), ({"STAGES": 257}, "STAGES")])
def test_illegal_parameters_are_refused(tmp_path: Path, changed: dict[str, int], message: str) -> None:
    params = {"IDENTITY": 1, "DMA_WIDTH": 32, "STAGES": 2, **changed}
    text = rtl_files()["control"]
    head = text[text.index(") (") : text.index(");\n")]
    ports = tuple(line.split("//")[0].strip().rstrip(",").split()[-1] for line in head.splitlines() if "put" in line)
    ports = tuple(p for p in ports if p not in ("clk", "rst_n"))
    with pytest.raises(ToolFailed, match=f"control: {message}"):
        build_duts([Dut("dut", "control", params, (), (), unused=ports)], rtl_files(), tmp_path)
