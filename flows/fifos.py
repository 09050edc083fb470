"""FIFO depths, found in RTL simulation: as shallow as the analytic rate allows, and never a deadlock.

One model is compiled, with FIFOs that do not fill up, and run with run-time limits, which act as smaller depths would:

1. All FIFOs with two entries. Most chains of layers are done here.
2. Without limits and with input at the steady rate, no stage ever waits for room: what each FIFO then holds at most,
   and one entry, is enough for that rate. On a skip connection this is what the bypassed layers hold back.
3. Whole groups of FIFOs are lowered to two entries, halves of them where that is too much, and a FIFO that does not
   bear it alone is lowered by bisection, while the rate holds.

A network whose stages and FIFOs hold a fixed number of beats stands still, or does not, whatever the order and the time
in which they move (Kahn): depths that carried the frames of one run carry them under any stalls. A pipeline that stands
still as a whole while its output waits does not hold a fixed number: gaps between the beats that came stay in it as
gaps. So the FIFO before it, where there are branches, gets the entries that its pipeline may lack (`spare`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flows.design import Design, Instance
from flows.elaborate import MIN_DEPTH
from flows.emit.rtl import emit
from flows.errors import VerificationFailed
from flows.graph import IntArray
from flows.simulate.cosim import Stitched, Stopwatch, speed

FRAMES = 12
ROOMY = 1 << 16
"""Entries up to which a FIFO takes the whole run."""
MOST_TRIALS = 120
"""Simulations after which depths that are enough are no longer lowered."""
PRECISION = 8
"""A depth is lowered to within 1/8 of what is needed."""


def tolerance(bound: int) -> int:
    """Cycles that a measured interval may exceed the analytic bound by: 1 %, at least 8."""
    return max(bound // 100, 8)


@dataclass(frozen=True)
class Sizing:
    """Depths by FIFO name, the interval they give, how many simulations it took and the seconds spent on what."""

    depths: dict[str, int]
    interval_cycles: float
    simulations: int
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Trial:
    """What `search` asks for: a run with `limits` {FIFO: entries}, and cycles a frame at the input, if not at once."""

    limits: Mapping[str, int]
    frame_cycles: int | None = None


@dataclass(frozen=True)
class Seen:
    """What came of a trial: cycles from frame to frame (infinite: a deadlock), and the most entries each FIFO held."""

    interval_cycles: float
    peaks: Mapping[str, int]


def size(
    elaborated: Callable[[Mapping[str, int]], Design], x: IntArray, fixed: Mapping[str, int], folder: Path
) -> Sizing:
    """Depths for the design that `elaborated(depths)` makes; those in `fixed` are kept. `x`: input frames.

    Raises VerificationFailed when no depths reach the analytic interval.
    """
    design = elaborated({**roomy(elaborated({})), **fixed})
    watch = Stopwatch()
    stitched = Stitched(design, emit(design), folder, watch=watch)
    trials = search(design, fixed)
    trial = next(trials)
    while True:
        run = stitched.run(x, FRAMES, "sizing", limits=trial.limits, frame_cycles=trial.frame_cycles)
        interval = float("inf") if run.deadlock else speed(run).interval_cycles
        try:
            trial = trials.send(Seen(interval, peaks(design, run.fifo_peaks)))
        except StopIteration as done:
            found: Sizing = done.value
            return Sizing(found.depths, found.interval_cycles, found.simulations, watch.seconds)


def roomy(design: Design) -> dict[str, int]:
    """Depths that never fill up in a run or, for large maps, hold a whole frame, with which nothing can stand still.

    Of the stages that have put out the fewest frames take the first in the stream. All of its next input frame has been
    written by the stages before it, and every reader of it has taken all the frames that it has finished. So its
    input is there, and the FIFO behind it holds less than one frame: it moves.
    """
    beats = {i.name: design.streams[i.input].beats for i in design.instances if i.module == "fifo"}
    return {name: max(MIN_DEPTH, n, min(FRAMES * n, ROOMY)) for name, n in beats.items()}


def peaks(design: Design, by_id: Mapping[int, int]) -> dict[str, int]:
    """{FIFO: most entries held} of a run's {SIM_ID: entries}."""
    return {i.name: by_id[int(i.params["SIM_ID"])] for i in design.instances if i.module == "fifo"}  # type: ignore[arg-type]


def spare(design: Design) -> dict[str, int]:
    """Entries, on top of those found, of each FIFO on a branch before a pipeline that may hold gaps."""
    makers = {s: i for i in design.instances for s in i.outputs}
    entries: dict[str, int] = {}
    for instance in design.instances:
        if instance.loose_beats:
            before = makers[instance.input]
            while before.module != "fifo":
                before = makers[before.input]
            if _on_branch(design, before):
                lanes = design.streams[before.input].lanes
                lacking = -(-instance.loose_beats * design.streams[instance.input].lanes // lanes)
                entries[before.name] = entries.get(before.name, 0) + lacking
    return entries


def _on_branch(design: Design, fifo: Instance) -> bool:
    """Whether something else than `fifo` connects what is before it with what is behind it."""
    ends: dict[str, list[str]] = {}
    for instance in design.instances:
        if instance is not fifo:
            for stream in (*instance.inputs, *instance.outputs):
                ends.setdefault(stream, []).extend((*instance.inputs, *instance.outputs))
    reached, todo = {fifo.input}, [fifo.input]
    while todo:
        new = {s for s in ends.get(todo.pop(), []) if s not in reached}
        reached |= new
        todo += new
    return fifo.output in reached


def search(design: Design, fixed: Mapping[str, int]) -> Generator[Trial, Seen, Sizing]:
    """The search as a dialogue: yields trials of `design`, whose FIFOs are roomy but for those in `fixed`.

    Raises VerificationFailed when no depths reach the analytic interval.
    """
    bound, slowest = design.bound
    limit = bound + tolerance(bound)
    fifos = {i.name: i for i in design.instances if i.module == "fifo"}
    most = {name: int(fifo.params["DEPTH"]) for name, fifo in fifos.items()}  # type: ignore[arg-type]
    free = [name for name in fifos if name not in fixed]

    depths = {**most, **dict.fromkeys(free, MIN_DEPTH)}
    seen = yield Trial(depths)
    tried = 1
    more = {name: entries for name, entries in spare(design).items() if name in free}
    if seen.interval_cycles <= limit:
        depths = {name: entries + more.get(name, 0) for name, entries in depths.items()}
        return Sizing(depths, seen.interval_cycles, tried)

    held = (yield Trial(most, bound)).peaks
    tried += 1
    for factor in (1, 2, 4, ROOMY):
        depths = {**most, **{n: min(most[n], max(MIN_DEPTH, factor * held[n] + 1)) for n in free}}
        seen = yield Trial(depths)
        tried += 1
        if seen.interval_cycles <= limit:
            break
    else:
        given = f" with the given depths {dict(fixed)}" if fixed else ""
        raise VerificationFailed(
            f"fifos: however deep the FIFOs are, the interval is {seen.interval_cycles:.1f} cycles{given}, {slowest} "
            f"needs {bound}; a stage stalls by itself"
        )
    interval = seen.interval_cycles

    def bits(name: str) -> int:
        return depths[name] * design.streams[fifos[name].input].bits

    groups: list[Sequence[str]] = [sorted((n for n in free if depths[n] > MIN_DEPTH), key=bits)]
    while groups and tried < MOST_TRIALS:
        group = groups.pop()
        lower = {**depths, **dict.fromkeys(group, MIN_DEPTH)}
        if lower == depths:
            continue
        seen = yield Trial(lower)
        tried += 1
        if seen.interval_cycles <= limit:
            depths, interval = lower, seen.interval_cycles
        elif len(group) > 1:
            # The larger ones last on the stack, so first.
            groups += [group[: len(group) // 2], group[len(group) // 2 :]]
        else:
            (name,) = group
            too_few = MIN_DEPTH
            while depths[name] - too_few > max(1, depths[name] // PRECISION) and tried < MOST_TRIALS:
                middle = (depths[name] + too_few) // 2
                seen = yield Trial({**depths, name: middle})
                tried += 1
                if seen.interval_cycles <= limit:
                    depths, interval = {**depths, name: middle}, seen.interval_cycles
                else:
                    too_few = middle
    depths = {name: entries + more.get(name, 0) for name, entries in depths.items()}
    if more:
        interval, tried = (yield Trial(depths)).interval_cycles, tried + 1
    return Sizing(depths, interval, tried)
