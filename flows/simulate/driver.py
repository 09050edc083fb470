"""The unmodified deploy/ package against the Verilated accelerator: what a board would do, without one.

`deploy/` is copied, a synthetic bitfile put beside it, and `validate.py` run in a process of its own where `import
pynq` finds the stand-in of `flows.simulate.pynq_sim`. The integers that came are compared here once more.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from flows.boards import Board
from flows.compare import require_equal
from flows.design import Design, Files
from flows.emit.pynq import BITFILE
from flows.errors import ToolFailed, VerificationFailed
from flows.files import read_json, write_text
from flows.graph import IntArray
from flows.simulate import verilator
from flows.simulate.bitfile import bitfile
from flows.simulate.cosim import Stopwatch
from flows.simulate.hwh import hwh
from flows.simulate.toolchain import Command, run_all

STAND_IN = Path(__file__).parent / "pynq_sim"
HARNESS = verilator.HARNESS / "board"
MEMORY_BYTES = 64 << 20
STALL_PERCENT = 10
WHAT = "driver"


@dataclass(frozen=True)
class SimulatedBoard:
    """A compiled board: `program` with the memories that it reads lies in `folder`."""

    folder: Path
    board: Board

    def bitfile(self, folder: Path, seed: int = 1, stall_percent: int = STALL_PERCENT) -> Path:
        """Writes a synthetic bitfile of this board, and its .hwh file, into `folder`."""
        settings = {
            "program": str(self.folder.resolve() / "sim"), "dma_bits": self.board.dma_bits, "seed": seed,
            "memory_bytes": MEMORY_BYTES, "stall_percent": stall_percent,
        }  # fmt: skip
        write_text(folder / BITFILE, bitfile(self.board.part, settings))
        write_text((folder / BITFILE).with_suffix(".hwh"), hwh(self.board))
        return folder / BITFILE


def build_board(hardware: Files, board: Board, folder: Path) -> SimulatedBoard:
    """Verilates `hardware` (what flows.emit.ps gives) with the DMA and the registers' master around it."""
    bench = (
        f"module bench (input wire clk, input wire rst_n);\n"
        f"  board #(.WORD_WIDTH({board.dma_bits})) i_board (.clk, .rst_n);\nendmodule\n"
    )
    files: dict[PurePosixPath, str | bytes] = {n: t for n, t in hardware.items() if n.suffix in (".sv", ".v", ".hex")}
    files[PurePosixPath("board.sv")] = (HARNESS / "board.sv").read_text(encoding="utf-8")
    files[PurePosixPath("bench.sv")] = bench
    model = verilator.build(files, "bench", folder, main=HARNESS / "board.cpp")
    for name, content in model.memories.items():
        write_text(folder / name, content)
    return SimulatedBoard(folder, board)


def environment(board: Board) -> dict[str, str]:
    """What a process needs to find the stand-in, on `board`."""
    return {"PYTHONPATH": str(STAND_IN), "BOARD": board.pynq_names[0], "PYTHONDONTWRITEBYTECODE": "1"}


def verify(
    design: Design, hardware: Files, deploy: Path, board: Board, output: IntArray, folder: Path, *,
    timeout_s: float = 120.0,
) -> dict[str, Any]:  # fmt: skip
    """Runs deploy/validate.py on the simulated board and compares what came with `output` (frames, H, W, C).

    Returns {"frames", "images", "mismatches", "runs", …}. Raises VerificationFailed naming the first difference or what
    the driver said, ToolFailed where nothing moves any more.
    """
    watch = Stopwatch()
    with watch("verilator_build"):
        simulated = build_board(hardware, board, folder / "board")
    copy = folder / "deploy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(deploy, copy)
    simulated.bitfile(copy)
    log = folder / "validate.log"
    argv = (
        sys.executable, "-u", "validate.py", "--timeout", str(timeout_s), "--result", "validation.json",
        "--save", "outputs.npz",
    )  # fmt: skip
    with watch("rtlsim"):
        try:
            run_all([Command(argv, copy, log, environment(board))], timeout_s=7200, idle_s=1800)
        except ToolFailed as problem:
            raise VerificationFailed(f"{WHAT}: {_said(log) or problem} (log: {log})") from None
    result = read_json(copy / "validation.json")
    with np.load(copy / "outputs.npz", allow_pickle=False) as archive:
        saved = {name: archive[name] for name in archive.files}
    _compare(design, saved, output)
    return {**result, "seconds": watch.seconds}


def _said(log: Path) -> str:
    """What the driver printed last."""
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return " / ".join(line for line in lines if "differ" in line) or (lines[-1] if lines else "")


def _compare(design: Design, saved: Mapping[str, IntArray], output: IntArray) -> None:
    for name, got in saved.items():
        wanted = output[np.arange(len(got)) % len(output)]
        require_equal(f"{WHAT} ({name})", design.name, wanted, got)
