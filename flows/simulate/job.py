"""Jobs for the Verilator harness and their results, as values and as the harness' files.

`job.txt` has one line a setting, in the order of `render`; beats are files of ceil(width/8) bytes each.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from flows.beats import Bytes, bytes_per_beat
from flows.graph import IntArray

_FAULTS = {
    "dropped": "tvalid fell before the beat was taken",
    "changed": "tdata changed before the beat was taken",
    "surplus": "more beats than expected",
    "last": "tlast does not mark the end of the frame",
}


@dataclass(frozen=True)
class Throttle:
    """A frame every `frame_cycles` cycles: its beats evenly spread over them, or (not `spread`) at once.

    A source that was held up sends what is overdue as soon as it is taken.
    """

    frame_cycles: int
    spread: bool = True


@dataclass(frozen=True, eq=False)
class Source:
    """What one `axis_source` sends: `frames` frames of `beats_per_frame` beats, from `beats` again and again.

    `beats` is uint8 (whole frames of beats, bytes per beat). `stall`: probability per cycle, in [0, 1), of offering
    nothing; a beat once offered stays until taken.
    """

    beats: Bytes = field(repr=False)
    beats_per_frame: int
    frames: int
    stall: float = 0.0
    throttle: Throttle | None = None


@dataclass(frozen=True)
class Sink:
    """What one `axis_sink` expects. `stall`: probability per cycle, in [0, 1], of not being ready (1: never takes)."""

    beats_per_frame: int
    frames: int
    stall: float = 0.0


@dataclass(frozen=True)
class Job:
    """One run. Ends when every sink has its frames, plus `extra_cycles` in which a surplus beat is a fault.

    `monitors` names monitor IDs for messages. `fifo_limits`: {SIM_ID: entries it may hold}. `capture` records the beats
    of every monitor. `reset_at`: cycle of a reset pulse of `reset_cycles`, after which the sources start again and
    everything taken before is dropped. `max_idle_cycles`: cycles without a handshake anywhere that are a deadlock
    (a throttled source's wait does not count). `seed` drives the stalls and the model's uninitialised state.
    """

    sources: tuple[Source, ...]
    sinks: tuple[Sink, ...]
    seed: int = 1
    monitors: Mapping[int, str] = field(default_factory=dict)
    source_names: tuple[str, ...] = ()
    sink_names: tuple[str, ...] = ()
    fifo_limits: Mapping[int, int] = field(default_factory=dict)
    capture: bool = False
    trace: bool = False
    reset_at: int | None = None
    reset_cycles: int = 4
    max_idle_cycles: int = 10_000
    extra_cycles: int = 64


@dataclass(frozen=True, eq=False)
class Port:
    """What went through a source or sink: `first` and `last` are the cycles of each frame's first and last handshake.

    `beats` is uint8 (taken, bytes per beat) for a sink, and empty for a source.
    """

    width: int
    taken: int
    first: IntArray = field(repr=False)
    last: IntArray = field(repr=False)
    beats: Bytes = field(repr=False)

    @property
    def intervals(self) -> IntArray:
        """Cycles from frame to frame, at the last beat: (frames - 1,)."""
        return np.diff(self.last)


@dataclass(frozen=True, eq=False)
class Monitor:
    """Counters since the last reset, and the state of the stream at the end.

    `stalls`: cycles valid and not ready; `starves`: ready and not valid. `last_cycle`: the last handshake, None where
    there was none. `captured`: uint8 (beats, bytes per beat), None unless captured.
    """

    name: str
    width: int
    beats: int
    stalls: int
    starves: int
    valid: bool
    ready: bool
    last_cycle: int | None
    captured: Bytes | None = field(repr=False)


@dataclass(frozen=True, eq=False)
class Run:
    """The result of a job. `faults`: protocol violations, one sentence each; `fifo_peaks`: {SIM_ID: most beats held}.

    After a deadlock or a fault the sinks hold what had come until then.
    """

    cycles: int
    deadlock: bool
    last_progress: int
    sources: tuple[Port, ...]
    sinks: tuple[Port, ...]
    monitors: Mapping[int, Monitor]
    fifo_peaks: Mapping[int, int]
    faults: tuple[str, ...]
    trace: Path | None
    log: Path

    def explain_deadlock(self, job: Job) -> str:
        """Why nothing moves any more: beats taken of each port that is not done, and streams that wait."""
        lines = [f"no beat moved after cycle {self.last_progress}"]
        for kind, ports, expected in (
            ("source", self.sources, [s.beats_per_frame * s.frames for s in job.sources]),
            ("sink", self.sinks, [s.beats_per_frame * s.frames for s in job.sinks]),
        ):
            for i, (port, beats) in enumerate(zip(ports, expected, strict=True)):
                if port.taken < beats:
                    lines.append(f"{port_name(job, kind, i)}: {port.taken} of {beats} beats")
        for monitor in self.monitors.values():
            if monitor.valid != monitor.ready:
                state = "valid, not ready" if monitor.valid else "ready, not valid"
                lines.append(f"{monitor.name}: {state} after {monitor.beats} beats")
        return "; ".join(lines)


def render(job: Job) -> str:
    """`job.txt`. Raises ValueError where the job makes no sense."""
    lines = [f"seed {job.seed}", f"max_idle {job.max_idle_cycles}", f"extra {job.extra_cycles}"]
    lines += [f"capture {int(job.capture)}", f"trace {int(job.trace)}"]
    if job.reset_at is not None:
        lines.append(f"reset {job.reset_at} {job.reset_cycles}")
    lines += [f"fifo {fifo} {limit}" for fifo, limit in sorted(job.fifo_limits.items())]
    for i, source in enumerate(job.sources):
        _check_source(source, port_name(job, "source", i))
        interval, spread = (source.throttle.frame_cycles, source.throttle.spread) if source.throttle else (0, False)
        counts = f"{source.beats.shape[1]} {source.beats_per_frame} {source.frames}"
        lines.append(f"source {i} {counts} {_probability(source.stall)} {interval} {int(spread)}")
    for i, sink in enumerate(job.sinks):
        if sink.beats_per_frame < 1 or sink.frames < 0:
            raise ValueError(f"{port_name(job, 'sink', i)}: {sink.frames} frames of {sink.beats_per_frame} beats")
        lines.append(f"sink {i} {sink.beats_per_frame} {sink.frames} {_probability(sink.stall)}")
    return "".join(f"{line}\n" for line in lines)


def _check_source(source: Source, name: str) -> None:
    beats = source.beats
    if beats.dtype != np.uint8 or beats.ndim != 2:
        raise ValueError(f"{name}: beats are {beats.dtype} {beats.shape}, not uint8 (beats, bytes per beat)")
    if source.beats_per_frame < 1 or source.frames < 0 or len(beats) % source.beats_per_frame:
        raise ValueError(f"{name}: {len(beats)} beats are not whole frames of {source.beats_per_frame}")
    if source.frames and not len(beats):
        raise ValueError(f"{name}: no beats for {source.frames} frames")
    if source.throttle and source.throttle.frame_cycles < 1:
        raise ValueError(f"{name}: a frame every {source.throttle.frame_cycles} cycles")


def _probability(p: float) -> int:
    """As a threshold of the harness' 32-bit random numbers: stalls where one is below it."""
    if not 0 <= p <= 1:
        raise ValueError(f"a stall probability lies in [0, 1], not at {p}")
    return round(p * 2**32)


def port_name(job: Job, kind: str, i: int) -> str:
    names = job.source_names if kind == "source" else job.sink_names
    return names[i] if i < len(names) else f"{kind} {i}"


def read_result(job: Job, folder: Path) -> Run:
    """The run whose files are in `folder`. Raises OSError or ValueError where they are missing or broken."""
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    return Run(
        cycles=result["cycles"],
        deadlock=result["deadlock"],
        last_progress=result["progress"],
        sources=tuple(_port(p, None) for p in result["sources"]),
        sinks=tuple(_port(p, folder / f"sink_{i}.bin") for i, p in enumerate(result["sinks"])),
        monitors={m["id"]: _monitor(job, m, folder) for m in result["monitors"]},
        fifo_peaks={f["id"]: f["peak"] for f in result["fifos"]},
        faults=tuple(_fault(job, f) for f in result["faults"]),
        trace=folder / "trace.vcd" if job.trace else None,
        log=folder / "sim.log",
    )


def _port(port: Mapping[str, Any], path: Path | None) -> Port:
    first, last = (np.array(port[key], dtype=np.int64) for key in ("first", "last"))
    return Port(port["width"], port["beats"], first, last, _read_beats(path, port["width"]))


def _monitor(job: Job, m: Mapping[str, Any], folder: Path) -> Monitor:
    captured = _read_beats(folder / f"monitor_{m['id']}.bin", m["width"]) if job.capture else None
    last = None if m["last"] < 0 else m["last"]
    name = job.monitors.get(m["id"], f"monitor {m['id']}")
    return Monitor(
        name, m["width"], m["beats"], m["stalls"], m["starves"], bool(m["valid"]), bool(m["ready"]), last, captured
    )


def _read_beats(path: Path | None, width: int) -> Bytes:
    size = bytes_per_beat(width)
    data = np.fromfile(path, dtype=np.uint8) if path else np.zeros(0, dtype=np.uint8)
    return data[: len(data) // size * size].reshape(-1, size)


def _fault(job: Job, fault: Mapping[str, Any]) -> str:
    if fault["where"] == "monitor":
        name = job.monitors.get(fault["id"], f"monitor {fault['id']}")
    else:
        name = port_name(job, fault["where"], fault["id"])
    return f"{name}: {_FAULTS[fault['kind']]} (cycle {fault['cycle']})"
