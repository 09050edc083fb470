"""A design's cycle model: the same control logic as its RTL, without data; the engine is compiled once and cached.

    model = Model(design)
    timing = model.run(frames=8)               # cycle for cycle what the RTL does
    timing.interval_cycles, timing.latency_cycles, timing.peaks["StreamingFIFO_3"]

Data never decides when a beat moves, so the model is exact: the tests compare cycles, counts and occupancies with the
RTL for equality, at full speed and under the same random stalls.
"""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from flows.cycles.instances import Kind
from flows.cycles.instances import timing as timing_of
from flows.design import Design
from flows.errors import ToolFailed
from flows.graph import IntArray
from flows.simulate.job import Throttle
from flows.simulate.toolchain import Command, cached, find_compiler, run_all
from flows.simulate.verilator import HARNESS

ENGINE = Path(__file__).with_name("engine.cpp")
RANDOM = HARNESS / "random.hpp"
_FLAGS = ("-std=c++17", "-O2", "-shared", "-fPIC")
_INSTANCE_STATE, _SOURCE_STATE = 9, 5
"""Numbers of an instance and of the source in a state, as the engine's `state_of`; a stream has one."""
_EXTRA = 64
"""Cycles after the last output beat, as in `flows.simulate.job.Job`."""


@dataclass(frozen=True)
class Counts:
    """What a stream saw: beats, cycles with tvalid and not tready (stalls), with tready and not tvalid (starves)."""

    beats: int
    stalls: int
    starves: int


@dataclass(frozen=True, eq=False)
class State:
    """Where a run of `model` stood at the end of a frame.

    `numbers` as the engine's `state_of`. `held`: {FIFO: beats in it}.
    """

    model: Model = field(repr=False)
    numbers: IntArray = field(repr=False)
    held: Mapping[str, int]


@dataclass(frozen=True, eq=False)
class Timing:
    """One run of the model, in cycles from the first after reset.

    `first_in`, `last_out`: int64 (frames), of a frame's first input and last output handshake. `peaks`: {FIFO: most
    beats it held}. `streams`: by name. `spans`: {stream: int64 (frames, 2)}, the first and the last handshake of every
    frame, -1 where there was none; empty unless asked for. `deadlock`: nothing moved any more before the last output
    beat; `last_out` then ends in -1. `steps`: how many times an instance was stepped, which is what the run cost.
    `end`: of a run until all was steady, the state in which it was so, at the frame's end; None where it never was, or
    falls behind its throttle.
    """

    cycles: int
    steps: int
    deadlock: bool
    first_in: IntArray = field(repr=False)
    last_out: IntArray = field(repr=False)
    peaks: Mapping[str, int] = field(repr=False)
    streams: Mapping[str, Counts] = field(repr=False)
    spans: Mapping[str, IntArray] = field(repr=False)
    end: State | None = field(repr=False, default=None)

    @property
    def latency_cycles(self) -> int:
        """Of the first frame, first beat in to last beat out, both included."""
        return int(self.last_out[0] - self.first_in[0]) + 1

    @property
    def interval_cycles(self) -> float:
        """Mean from frame to frame over the second half of the run, as `flows.simulate.cosim.speed`."""
        if self.deadlock:
            return float("inf")
        done, half = self.last_out, len(self.last_out) // 2
        return float(done[-1] - done[half - 1]) / (len(done) - half) if half else float(done[-1] + 1)


class Model:
    """The cycle model of `design`. Raises UnsupportedModel where one of its modules has none.

    `cut_down`: every pipeline has one register, and so holds as few beats as it may hold with gaps between them.
    """

    def __init__(self, design: Design, cut_down: bool = False) -> None:
        self.design, self.cut_down = design, cut_down
        self._numbers = {name: n for n, name in enumerate(design.streams)}
        self._fifos = {i.name: n for n, i in enumerate(design.instances) if i.module == "fifo"}
        self._depths = self._fifos | {i.name: n for n, i in enumerate(design.instances) if i.module == "swg"}
        rows = []
        for instance in design.instances:
            kind, parameters = timing_of(instance)
            if cut_down and kind == Kind.PIPE:
                parameters = (*parameters[:2], 1, *parameters[3:])
            ports = [self._numbers[s] for s in instance.inputs], [self._numbers[s] for s in instance.outputs]
            rows.append([kind, *(n for port in ports for n in (*port, -1)[:2]), *parameters])
        self._table = np.array(rows, dtype=np.int64)
        self._beats = np.array([s.beats for s in design.streams.values()], dtype=np.int64)

    def run(
        self, frames: int, *, limits: Mapping[str, int] | None = None, throttle: Throttle | None = None,
        stall: tuple[float, float] = (0.0, 0.0), seed: int = 1, port: int = 0, spans: bool = False,
        most_cycles: int = 1 << 62, until_steady: bool = False, start: State | None = None,
        hasty: bool = False,
    ) -> Timing:  # fmt: skip
        """`frames` frames. `limits`: {FIFO or window: entries}, of a FIFO at most its depth. `throttle`, `stall`
        (source, sink) and `seed` as in a simulation's job, where the design has source and sink number `port`. A run of
        `most_cycles` ends there, as a deadlock does. `until_steady`: the run ends as soon as everything is, at the end
        of a frame, as it was at that of the one before, for then it goes on so for ever; `last_out` and what follows
        from it are those of all `frames`, counts, peaks and cycles those until then, with an input that does not end.
        `start`: of this design, or by `moved` of one with more FIFOs, where the run begins in place of reset, with the
        frame that ends there as its first; `first_in` is then -1. FIFOs and windows may hold more there than `limits`
        allow; they take nothing until they do not. `hasty`: a run until all is steady ends, as a deadlock does, when a
        stream falls behind in three frames in a row, which is most often for good.

        Raises ValueError for a throttle that is not spread, and for stalls in a run until all is steady.
        """
        if until_steady and any(stall):
            raise ValueError("with random stalls nothing is ever steady")
        if throttle and not throttle.spread:
            raise ValueError("the cycle model spreads the beats of a throttled frame")
        design, table = self.design, self._table
        if limits:
            table = table.copy()
            for name, entries in limits.items():
                row = table[self._depths[name]]
                row[5] = min(row[5], entries) if name in self._fifos else entries
        count = len(design.streams)
        first_in, last_out = np.zeros(frames, dtype=np.int64), np.zeros(frames, dtype=np.int64)
        counts, peaks = np.zeros((count, 3), dtype=np.int64), np.zeros(len(table) + 1, dtype=np.int64)
        seen = np.full((count, frames, 2) if spans else 0, -1, dtype=np.int64)
        source, sink = design.streams[design.input], design.streams[design.output]
        state = np.zeros(1 + _INSTANCE_STATE * len(table) + count + _SOURCE_STATE, dtype=np.int64)
        if start:
            state[0], state[1:] = 1, start.numbers
        ends = np.array(
            [source.beats, round(stall[0] * 2**32), round(stall[1] * 2**32), throttle.frame_cycles if throttle else 0,
             sink.beats, seed, _EXTRA, most_cycles, port, hasty, until_steady],
            dtype=np.int64,
        )  # fmt: skip
        ran = engine()(
            count, len(table), _pointer(table), self._numbers[design.input], self._numbers[design.output], frames,
            _pointer(ends), _pointer(first_in), _pointer(last_out), _pointer(counts), _pointer(peaks),
            _pointer(self._beats), _pointer(seen) if spans else None,
            _pointer(state) if until_steady or start else None,
        )  # fmt: skip
        return Timing(
            cycles=abs(ran),
            steps=int(peaks[-1]),
            deadlock=ran < 0,
            first_in=first_in,
            last_out=last_out,
            peaks={name: int(peaks[n]) for name, n in self._fifos.items()},
            streams={name: Counts(*map(int, counts[n])) for name, n in self._numbers.items()},
            spans={name: seen[n] for name, n in self._numbers.items()} if spans else {},
            end=self._state(state[1:]) if until_steady and state[0] else None,
        )

    def _state(self, numbers: IntArray) -> State:
        held = {name: int(numbers[_INSTANCE_STATE * n]) for name, n in self._fifos.items()}
        return State(self, numbers, held)

    def moved(self, state: State) -> State | None:
        """`state` of a design with more FIFOs as one of this; None where one of those held a beat."""
        more, kept = state.model.design, {i.name for i in self.design.instances}
        gone = [i for i in more.instances if i.name not in kept]
        if any(state.held[i.name] for i in gone):
            return None
        first = _INSTANCE_STATE * len(more.instances)
        instances = state.numbers[:first].reshape(-1, _INSTANCE_STATE)
        streams = dict(zip(more.streams, state.numbers[first:], strict=False))
        for fifo in reversed(gone):  # the writer's tvalid, the reader's tready
            streams[fifo.input] = (streams[fifo.input] & 2) | (streams[fifo.output] & 1)
        numbers = np.concatenate([
            instances[[i.name in kept for i in more.instances]].ravel(),
            [streams[name] for name in self.design.streams], state.numbers[first + len(streams) :],
        ])  # fmt: skip
        return self._state(numbers)


def _pointer(array: IntArray) -> Any:
    return array.ctypes.data_as(ctypes.POINTER(ctypes.c_int64))


@cache
def engine() -> Any:
    """The engine's entry point, compiled when it is not in the cache. Raises ToolMissing and ToolFailed."""
    compiler, version = find_compiler()
    digest = hashlib.sha256(
        "\n".join([version, *_FLAGS]).encode() + ENGINE.read_bytes() + RANDOM.read_bytes()
    ).hexdigest()[:40]

    def make(entry: Path) -> None:
        argv = (compiler, *_FLAGS, f"-I{HARNESS}", str(ENGINE), "-o", "engine.so")
        run_all([Command(argv, entry, entry / "engine.log")], timeout_s=300)

    with cached("cycles", digest, make) as entry:
        try:
            library = ctypes.CDLL(str(entry / "engine.so"))
        except OSError as error:
            raise ToolFailed(f"the cycle model's engine does not load: {error}") from None
    run = library.a2q_cycles
    pointer = ctypes.POINTER(ctypes.c_int64)
    number = ctypes.c_int64
    run.argtypes = [number, number, pointer, number, number, number, *[pointer] * 8]
    run.restype = number
    return run
