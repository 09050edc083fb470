"""The simulated board: a process around the Verilated accelerator, asked through pipes. Part of the stand-in."""

from __future__ import annotations

import atexit
import os
import select
import struct
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MEMORY_BASE = 0x1000_0000
"""Address of the simulated memory's first byte, as in board.cpp; below it nothing answers."""
FAULTS = {"cut_output": 1, "hold_input": 2, "slave_error": 3, "no_reset": 4, "wrong_word": 5}
"""What can be planted; the value is the number of the word where it happens (no_reset: any)."""
ANSWER_SECONDS = 120.0


class Board:
    """One running simulation. `settings`: the payload of a simulated .bit file (see flows.simulate.bitfile)."""

    def __init__(self, settings: Mapping[str, Any], folder: Path) -> None:
        self.memory_bytes = int(settings["memory_bytes"])
        program = (folder / settings["program"]).resolve()
        argv = [
            str(program), str(settings["dma_bits"]), str(self.memory_bytes), str(settings["seed"]),
            str(settings["stall_percent"]),
        ]  # fmt: skip
        self.log = program.parent / "board.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                argv, cwd=program.parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, bufsize=0
            )
        atexit.register(self.close)

    def close(self) -> None:
        """Switches the board off."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        atexit.unregister(self.close)

    def read(self, region: int, offset: int) -> int:
        ok, value = struct.unpack("<BI", self._ask(struct.pack("<cBI", b"r", region, offset), 5))
        self._require(ok, f"register 0x{offset:x}")
        return int(value)

    def write(self, region: int, offset: int, value: int) -> None:
        (ok,) = self._ask(struct.pack("<cBII", b"w", region, offset, value & 0xFFFFFFFF), 1)
        self._require(ok, f"register 0x{offset:x}")

    def store(self, address: int, data: bytes) -> None:
        self._ask(struct.pack("<cII", b"s", address, len(data)) + data, 1)

    def load(self, address: int, size: int) -> bytes:
        return self._ask(struct.pack("<cII", b"l", address, size), 1 + size)[1:]

    def plant(self, fault: str | None, value: int = 1) -> None:
        """Plants a fault of FAULTS, in place of an earlier one; None: takes it away."""
        self._ask(struct.pack("<cII", b"f", FAULTS[fault] if fault else 0, value), 1)

    def info(self) -> tuple[int, int]:
        """(clock cycles since the bitstream was loaded, protocol faults seen at the accelerator's ports as bits)."""
        _, cycles, seen = struct.unpack("<BQI", self._ask(b"i", 13))
        return int(cycles), int(seen)

    def _require(self, ok: int, what: str) -> None:
        if not ok:
            raise OSError(f"simulated board: {what} does not answer (log: {self.log})")

    def _ask(self, request: bytes, size: int) -> bytes:
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None and stdout is not None
        view, answer, end = memoryview(request), bytearray(), time.monotonic() + ANSWER_SECONDS
        try:
            while view:
                view = view[stdin.write(view) :]
            while len(answer) < size:
                if not select.select([stdout], [], [], max(end - time.monotonic(), 0))[0]:
                    raise OSError(f"simulated board: no answer for {ANSWER_SECONDS:.0f} s (log: {self.log})")
                part = os.read(stdout.fileno(), size - len(answer))
                if not part:
                    raise BrokenPipeError
                answer += part
        except BrokenPipeError:
            raise OSError(f"simulated board: it has ended (log: {self.log})") from None
        return bytes(answer)


_active: list[Board] = []


def active() -> Board:
    """The board whose bitstream was loaded last."""
    if not _active:
        raise RuntimeError("no bitstream is loaded")
    return _active[-1]


def activate(board: Board) -> None:
    """Makes `board` the active one; the one before is switched off."""
    activate_nothing()
    _active.append(board)


def faults(fault: str | None, value: int = 1) -> None:
    """Plants a fault on the active board."""
    active().plant(fault, value)


def activate_nothing() -> None:
    """Switches the active board off."""
    while _active:
        _active.pop().close()
