"""What a step of the build takes: wall-clock and processor seconds, and the most memory at any one time."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from dataclasses import dataclass
from types import TracebackType

import psutil

PERIOD_S = 0.2
"""Between two looks at the memory: what is taken for less may go unseen."""


@dataclass(frozen=True)
class Usage:
    """`seconds`: wall clock. `cpu_seconds`: user and system, of this process and of those it started and waited for.

    `peak_memory_mib`: most resident memory (MiB) of this process and all below it together, seen every `PERIOD_S`;
    what earlier steps left in this process counts, and pages that two processes share count in each.
    """

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory_mib: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        """Of two pieces of work, one after the other."""
        return Usage(
            round(self.seconds + other.seconds, 3),
            round(self.cpu_seconds + other.cpu_seconds, 3),
            max(self.peak_memory_mib, other.peak_memory_mib),
        )


class Measure:
    """`with Measure() as m: ...`; then `m.usage`."""

    def __init__(self) -> None:
        self.usage = Usage()
        self._me = psutil.Process()
        self._peak = 0
        self._done = threading.Event()
        self._watch = threading.Thread(target=self._look, name="memory", daemon=True)

    def __enter__(self) -> Measure:
        self._began, self._cpu = time.monotonic(), _cpu_seconds()
        self._peak = self._resident()
        self._watch.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._done.set()
        self._watch.join()
        self._peak = max(self._peak, self._resident())
        spent, cpu = time.monotonic() - self._began, _cpu_seconds() - self._cpu
        self.usage = Usage(round(spent, 3), round(cpu, 3), round(self._peak / (1 << 20), 1))

    def _look(self) -> None:
        while not self._done.wait(PERIOD_S):
            self._peak = max(self._peak, self._resident())

    def _resident(self) -> int:
        total = 0
        for process in (self._me, *self._below()):
            with contextlib.suppress(psutil.Error):  # gone between two looks
                total += process.memory_info().rss
        return total

    def _below(self) -> list[psutil.Process]:
        with contextlib.suppress(psutil.Error):
            return self._me.children(recursive=True)
        return []


def _cpu_seconds() -> float:
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system
