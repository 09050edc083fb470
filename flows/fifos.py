"""FIFO depths, found in RTL simulation: as shallow as the analytic rate allows.

All FIFOs start at two entries. Where that is too slow, a model with deep FIFOs is run at the steady rate to see how
much each one holds, and every depth is then lowered, in run-time limits of the same model, while the rate holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from flows.design import Design
from flows.elaborate import MIN_DEPTH
from flows.emit.rtl import emit
from flows.errors import VerificationFailed
from flows.graph import IntArray
from flows.simulate.cosim import Stitched, Stopwatch, speed

FRAMES = 12
DEEPEST = 1024


def tolerance(bound: int) -> int:
    """Cycles that a measured interval may exceed the analytic bound by: 1 %, at least 8."""
    return max(bound // 100, 8)


@dataclass(frozen=True)
class Sizing:
    """Depths by FIFO name, the interval they give, how many simulations it took and the seconds spent on what."""

    depths: dict[str, int]
    interval_cycles: float
    simulations: int
    seconds: dict[str, float]


def size(
    elaborated: Callable[[Mapping[str, int]], Design], x: IntArray, fixed: Mapping[str, int], folder: Path
) -> Sizing:
    """Depths for the design that `elaborated(depths)` makes; those in `fixed` are kept. `x`: input frames.

    Raises VerificationFailed when no depth up to one frame reaches the analytic interval.
    """
    design = elaborated(fixed)
    bound, slowest = design.bound
    limit = bound + tolerance(bound)
    names = [i.name for i in design.instances if i.module == "fifo"]
    shallow = {n: fixed.get(n, MIN_DEPTH) for n in names}
    tried, watch = 1, Stopwatch()
    interval = _interval(Stitched(design, emit(design), folder / "shallow", watch=watch), x, {})
    if interval <= limit:
        return Sizing(shallow, interval, tried, watch.seconds)

    beats = {i.name: design.streams[i.input].beats for i in design.instances if i.module == "fifo"}
    deep = {n: fixed.get(n, max(MIN_DEPTH, min(beats[n], DEEPEST))) for n in names}
    design = elaborated(deep)
    stitched = Stitched(design, emit(design), folder / "deep", watch=watch)
    run = stitched.run(x, FRAMES, "throttled", frame_cycles=bound)
    ids = {i.name: i.params["SIM_ID"] for i in design.instances if i.module == "fifo"}
    depths = {n: fixed.get(n, max(MIN_DEPTH, run.fifo_peaks.get(int(ids[n]), MIN_DEPTH))) for n in names}  # type: ignore[arg-type]
    interval, tried = _interval(stitched, x, depths), tried + 2
    if interval > limit:
        depths, interval, tried = deep, _interval(stitched, x, deep), tried + 1
    if interval > limit:
        raise VerificationFailed(
            f"fifos: with FIFOs of a whole frame the interval is {interval:.1f} cycles, {slowest} needs {bound}; a "
            "stage stalls by itself"
        )
    for name in names:
        while name not in fixed and depths[name] > MIN_DEPTH:
            lower = {**depths, name: max(MIN_DEPTH, depths[name] // 2)}
            measured, tried = _interval(stitched, x, lower), tried + 1
            if measured > limit:
                break
            depths, interval = lower, measured
    return Sizing(depths, interval, tried, watch.seconds)


def _interval(stitched: Stitched, x: IntArray, limits: Mapping[str, int]) -> float:
    run = stitched.run(x, FRAMES, "sizing", limits=limits)
    return float("inf") if run.deadlock else speed(run).interval_cycles
