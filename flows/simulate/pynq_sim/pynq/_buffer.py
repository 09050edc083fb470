"""Buffers of the simulated board's memory. Part of the stand-in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ._board import MEMORY_BASE, active

ALIGNMENT = 4096


@dataclass
class Statistics:
    """How many buffers were allocated and freed, and what was done twice or too late."""

    allocated: int = 0
    freed: int = 0
    freed_twice: int = 0

    @property
    def open(self) -> int:
        return self.allocated - self.freed


statistics = Statistics()
_holes: list[tuple[int, int]] = []


class PynqBuffer(np.ndarray):
    """An array with a copy in the board's memory: `flush` writes it there, `invalidate` reads it back."""

    device_address: int | None
    owner: bool

    def __array_finalize__(self, source: Any) -> None:
        self.owner = False
        self.device_address = None
        if isinstance(source, PynqBuffer) and source.device_address is not None:
            self.device_address = source.device_address + self.virtual_address - source.virtual_address

    @property
    def virtual_address(self) -> int:
        return int(self.__array_interface__["data"][0])

    @property
    def physical_address(self) -> int:
        assert self.device_address is not None
        return self.device_address

    def flush(self) -> None:
        active().store(self.physical_address, self.tobytes())

    def invalidate(self) -> None:
        raw = active().load(self.physical_address, self.nbytes)
        self[...] = np.frombuffer(raw, dtype=self.dtype).reshape(self.shape)

    sync_to_device = flush
    sync_from_device = invalidate

    def freebuffer(self) -> None:
        if not self.owner:
            statistics.freed_twice += 1
            return
        self.owner = False
        statistics.freed += 1
        _holes.remove((self.physical_address, _padded(self.nbytes)))


def _padded(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def allocate(shape: Any, dtype: npt.DTypeLike = "u4", target: Any = None, **_: Any) -> PynqBuffer:
    """A buffer of the active board's memory, first fit. Raises MemoryError where there is none."""
    size = _padded(int(np.prod(shape)) * np.dtype(dtype).itemsize)
    at, end = MEMORY_BASE, MEMORY_BASE + active().memory_bytes
    for start, length in sorted(_holes):
        if at + size <= start:
            break
        at = start + length
    if at + size > end:
        raise MemoryError(f"the simulated board has no {size} bytes left")
    _holes.append((at, size))
    # What is in fresh memory is nobody's zeros.
    buffer = np.full(shape, 0xA5, dtype=np.uint8).astype(dtype).view(PynqBuffer)
    buffer.device_address, buffer.owner = at, True
    statistics.allocated += 1
    return buffer
