"""Whether FIFO depths are enough for a design, by two runs of the cycle model: from reset, or quicker from where the
design stands at the steady rate with depths that are known to be enough.

The quick way: what a network of stages and FIFOs can do at most is decided by how many beats and free places there are
on its loops, not by where they are. So a run with fewer entries may begin there; a FIFO that holds more than it now may
takes nothing until it does not. Whether the design keeps up with an input at the steady rate shows within a few frames,
while from reset all stages must fill first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from flows.cycles import Model, State, Timing
from flows.design import Design
from flows.elaborate import without
from flows.simulate.job import Throttle

FRAMES = 12
FEWEST_FRAMES = 4
"""Of a run, where frames are long; `RUN_CYCLES` decides."""
CUT_DOWN_FRAMES = 2
"""When the second has come out, every stage is done with the first; so all can be as it was at the start, and what went
once goes again and again."""
RUN_CYCLES = 4_000_000
SETTLING = 64
"""Frames in which a design, from reset, should come to do the same in every one."""
CHANGING = 8
"""And with other depths, from where it stands."""


def frames_of(design: Design) -> int:
    """Frames of a run that sizes `design`."""
    return max(FEWEST_FRAMES, min(FRAMES, RUN_CYCLES // design.bound[0]))


class Trials:
    """Trials of FIFO depths, and of `rings`, the beats that windows' memories hold, for `design`.

    `limit`: the interval, in cycles, that depths must give to be enough. `trials`: how many were tried; `work`: steps
    of instances in the model that it took. Without `goes_on` every trial begins from reset.
    """

    def __init__(self, design: Design, goes_on: bool = True) -> None:
        self.design, self.goes_on = design, goes_on
        self.model, self.cut_down = Model(design), Model(design, cut_down=True)
        self.branches = any(len(i.ports) > 2 for i in design.instances)
        self.frames = frames_of(design)
        self.limit = 0.0
        self.trials = self.work = 0
        self.rings: dict[str, int] = {}
        self.steady: State | None = None
        self.steady_cut_down: State | None = None

    def full_speed(
        self, depths: Mapping[str, int], left_out: Sequence[str] = (), until_steady: bool = True
    ) -> Timing:  # fmt: skip
        """A run of the model with `depths` from reset, an input that never waits and an output that always takes."""
        limits = self._limits(depths, left_out)
        self.trials += 1
        return self._ran(self._model(left_out).run(self.frames, limits=limits, until_steady=until_steady))

    def at_rate(
        self, depths: Mapping[str, int], interval: int, left_out: Sequence[str] = (), cut_down: bool = False
    ) -> Timing:  # fmt: skip
        """A run from reset until all is steady, with a frame every `interval` cycles."""
        limits, model = self._limits(depths, left_out), self._model(left_out, cut_down)
        return self._ran(model.run(SETTLING, limits=limits, throttle=Throttle(interval), until_steady=True))

    def enough(self, depths: Mapping[str, int], left_out: Sequence[str] = ()) -> bool:
        """Whether `depths`, without the FIFOs `left_out`, give the best rate and carry the cut-down network."""
        in_time = self.full_speed(depths, left_out).interval_cycles <= self.limit
        return in_time and self.carries(depths, left_out)

    def carries(self, depths: Mapping[str, int], left_out: Sequence[str] = (), start: State | None = None) -> bool:
        """Whether the cut-down network goes on, from reset or `start`, with `depths` and without `left_out`."""
        model = start.model if start else self._model(left_out, cut_down=True)
        frames = CUT_DOWN_FRAMES + (start is not None)  # the first ends where the run begins
        return not self._ran(model.run(frames, limits=self._limits(depths, left_out), start=start)).deadlock

    def settle(self, depths: Mapping[str, int], left_out: Sequence[str] = ()) -> None:
        """Runs the design with `depths`, which are enough, until all is steady: the next trials go on from there."""
        if not self.goes_on:
            return
        self.steady = self.at_rate(depths, self._interval, left_out).end
        if self.branches:
            # Its rate may be lower; where its beats stand is all that is wanted of it.
            runs = (self.at_rate(depths, n * self._interval, left_out, cut_down=True) for n in (1, 2))
            self.steady_cut_down = next((run.end for run in runs if run.end), None)

    def still_enough(
        self, depths: Mapping[str, int], left_out: Sequence[str] = (), hasty: bool = True
    ) -> bool:  # fmt: skip
        """`enough`, for no more entries and FIFOs than in the last trial that was.

        A `hasty` one may find too few what is enough, seldom. Another, in time but not steady, is made from reset.
        """
        limits = self._limits(depths, left_out)
        design = without(self.design, left_out)
        start = _start(self.steady, design)
        if start is None:
            return self._enough_to_settle(depths, left_out)
        self.trials += 1
        throttle = Throttle(self._interval)
        frames = 1 + max(self.frames, CHANGING)  # the first ends where the run begins
        timing = start.model.run(frames, limits=limits, throttle=throttle, until_steady=True, start=start,
                                 hasty=hasty)  # fmt: skip
        if self._ran(timing).end is None:
            in_time = timing.interval_cycles <= self.limit  # infinite for one that stood still
            return not hasty and in_time and self._enough_to_settle(depths, left_out)
        # Without branches it always goes on: no stage waits for two others.
        if self.branches and not self.carries(depths, left_out, _start(self.steady_cut_down, design)):
            return False
        self.steady = timing.end
        return True

    def _enough_to_settle(self, depths: Mapping[str, int], left_out: Sequence[str]) -> bool:
        found = self.enough(depths, left_out)
        if found:
            self.settle(depths, left_out)
        return found

    def _model(self, left_out: Sequence[str], cut_down: bool = False) -> Model:
        if left_out:
            return Model(without(self.design, left_out), cut_down)
        return self.cut_down if cut_down else self.model

    @property
    def _interval(self) -> int:
        return math.ceil(self.limit)

    def _limits(self, depths: Mapping[str, int], left_out: Sequence[str]) -> dict[str, int]:
        return {**{name: depth for name, depth in depths.items() if name not in left_out}, **self.rings}

    def _ran(self, timing: Timing) -> Timing:
        self.work += timing.steps
        return timing


def _start(state: State | None, design: Design) -> State | None:
    """`state` as one of `design`, which may have fewer FIFOs; None where a beat would be lost."""
    if state is None or len(state.model.design.instances) == len(design.instances):
        return state
    return Model(design, state.model.cut_down).moved(state)
