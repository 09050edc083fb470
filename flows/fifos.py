"""FIFO depths from the cycle model: the best rate there is, never a deadlock, and no FIFO deeper than that needs.

Depths are enough when two runs of the model say so:

1. At full speed, the interval between frames is that of FIFOs which never fill up. That is the analytic bound unless
   a stage stalls by itself.
2. With every pipeline cut down to one register, it does not stand still. A pipeline that stands still as a whole while
   its output waits holds fewer beats when there are gaps between them, in the worst case the one at its output. With
   one register it always holds that one; then every stage and FIFO holds a fixed number of beats, and such a network
   stands still, or does not, whatever the order and the time in which they move (Kahn). What the cut-down network can
   do the real one can do too, so depths that carry it carry the real one under any stalls.

More depth never hurts either. So the search starts with what FIFOs hold at the steady rate, lowers groups of them to
two entries, halves of a group where that is too much, and then each that is left as far as it goes. Then what costs
LUTs at no gain goes, wherever the two runs allow it: sliding windows, which have memory for the highest rate that
they could run at, get what is cheapest at this design's rate; FIFOs that carry a beat at most every other clock get a
single entry, a register without logic; and FIFOs go altogether where the design runs without them and no tready
passes through too many modules in a clock cycle. At the end each depth is tried once more: one entry less in any FIFO
of the design as it is built, and one of the two runs fails. What was found must pass them from reset; the search's
own trials are quicker ones (`flows.fifo_trials`). The stitched RTL simulation confirms what the model says.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from flows.cycles.model import engine
from flows.design import Design, Instance
from flows.elaborate import LEAST_DEPTH, MIN_DEPTH, longest_ready_path, with_depths, without
from flows.errors import VerificationFailed
from flows.fifo_trials import FRAMES, Trials
from flows.rings import ring_price, ring_sizes

ROOMY = 1 << 16
"""Entries up to which a FIFO takes the whole run."""
MOST_WORK = 6_000_000_000
"""Steps of instances in the cycle model after which depths that are enough are no longer lowered: about a minute."""
READY_PATH = 4
"""Modules that a tready may pass through in a clock cycle where a FIFO is left out, or as many as it does anyway; never
checked with Vivado."""


def tolerance(bound: int) -> int:
    """Cycles that a measured interval may exceed the analytic bound by: 1 %, at least 8."""
    return max(bound // 100, 8)


@dataclass(frozen=True)
class Sizing:
    """Depths by FIFO name; the interval and the latency that the cycle model gives for them.

    `rings`: beats of the memory of every sliding window that has not what its kernel asks for. `left_out`: FIFOs that
    the design does without. `minimal`: whether each depth is the least with the others as they are, which a very large
    search leaves open. `trials`: how many depths were tried. `seconds`:
    {"enough": what depths that carry the design took, once it is elaborated and the model loaded, "least": lowering}.
    """

    depths: dict[str, int]
    interval_cycles: float
    latency_cycles: int
    minimal: bool
    trials: int
    seconds: dict[str, float] = field(default_factory=dict)
    rings: dict[str, int] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()

    @property
    def entries(self) -> dict[str, int]:
        """Depths of FIFOs and of windows' memories, as `flows.elaborate.elaborate` takes them."""
        return {**self.depths, **self.rings, **dict.fromkeys(self.left_out, 0)}


def size(
    elaborated: Callable[[Mapping[str, int]], Design], fixed: Mapping[str, int], shrink: bool = True
) -> Sizing:  # fmt: skip
    """Depths for the design that `elaborated(depths)` makes; those in `fixed` are kept.

    Without `shrink`, depths that are enough stay as they are: a few runs of the model instead of one or more a FIFO.

    Raises VerificationFailed where no depths reach the analytic interval, UnsupportedModel where a module has no cycle
    model.
    """
    empty = elaborated({})
    engine()  # loaded, like the simulator before its frames are timed
    began = time.monotonic()
    design = with_depths(empty, {**roomy(empty), **fixed})
    for goes_on in (True, False):
        search = Search(design, fixed, goes_on)
        search.find()
        found = time.monotonic()
        if shrink:
            search.lower()
            search.leave_out()
            search.tighten()
        depths, left_out = search.depths, search.left_out
        # From reset, whatever the trials began with.
        timing = search.full_speed(depths, left_out)
        if timing.interval_cycles <= search.limit and search.carries(depths, left_out):
            break
    seconds = {"enough": round(found - began, 4), "least": round(time.monotonic() - found, 4)}
    return Sizing(
        depths, timing.interval_cycles, timing.latency_cycles, shrink and search.minimal, search.trials, seconds,
        search.rings, left_out,
    )  # fmt: skip


def roomy(design: Design) -> dict[str, int]:
    """Depths that never fill up in a run or, for large maps, hold a whole frame, with which nothing can stand still.

    Of the stages that have put out the fewest frames take the first in the stream. All of its next input frame has been
    written by the stages before it, and every reader of it has taken all the frames that it has finished. So its
    input is there, and the FIFO behind it holds less than one frame: it moves.
    """
    beats = {i.name: design.streams[i.input].beats for i in design.instances if i.module == "fifo"}
    return {name: max(MIN_DEPTH, n, min(FRAMES * n, ROOMY)) for name, n in beats.items()}


class Search(Trials):
    """The search for the depths of `design`, whose FIFOs are roomy but for those in `fixed`."""

    def __init__(self, design: Design, fixed: Mapping[str, int], goes_on: bool = True) -> None:
        super().__init__(design, goes_on)
        self.fixed = fixed
        self.fifos: dict[str, Instance] = {i.name: i for i in design.instances if i.module == "fifo"}
        self.most = {name: int(fifo.params["DEPTH"]) for name, fifo in self.fifos.items()}  # type: ignore[arg-type]
        self.free = [name for name in self.fifos if name not in fixed]
        self.minimal = True
        self.depths: dict[str, int] = {}
        self.left_out: tuple[str, ...] = ()
        self._needed: dict[tuple[int, int], int] = {}

    def find(self) -> None:
        """Depths that are enough. Raises VerificationFailed where none reach the analytic interval."""
        bound, slowest = self.design.bound
        timing = self.at_rate(self.most, bound)
        if timing.end is not None and self.goes_on:
            self.limit = float(bound)
            self._sufficient(timing.peaks)
            return
        best = self.full_speed(self.most, until_steady=False)  # they fill for ever: nothing is steady
        if best.interval_cycles > bound + tolerance(bound):
            given = f" with the given depths {dict(self.fixed)}" if self.fixed else ""
            raise VerificationFailed(
                f"fifos: however deep the FIFOs are, the interval is {best.interval_cycles:.1f} cycles{given}, "
                f"{slowest} needs {bound}; a stage stalls by itself"
            )
        self.limit = max(float(bound), best.interval_cycles)
        self._sufficient(self.at_rate(self.most, math.ceil(self.limit)).peaks)

    def lower(self) -> None:
        """Makes the depths as low as they can be, and windows' memories as cheap."""
        self.settle(self.depths)
        # The larger ones last, where halving begins.
        names = sorted((n for n in self.free if self.depths[n] > MIN_DEPTH), key=self._bits)
        _halved(names, lambda some: self._lowered(some, MIN_DEPTH), self._least)
        self._shrink_rings()
        beats = {name: self.design.streams[self.fifos[name].input].beats for name in self.free}
        bound, _ = self.design.bound
        slow = [name for name in self.free if self.depths[name] == MIN_DEPTH and 2 * beats[name] <= bound]
        _halved(sorted(slow, key=self._bits), lambda some: self._lowered(some, LEAST_DEPTH))
        self._grow_rings()

    def tighten(self) -> None:
        """Lowers depths once more: windows that have grown hold more, and a path is shorter without a FIFO."""
        for name in sorted((n for n in self.free if self.depths[n] > MIN_DEPTH), key=self._bits):
            if self._lowered([name], self.depths[name] - 1, hasty=False):
                self._least(name)

    def leave_out(self) -> None:
        """Leaves out FIFOs of up to two entries that the design runs without; the widest first.

        Those at the design's ends stay, and those beside branches, whose treadys depend on tvalids.
        """
        ends = (self.design.input, self.design.output)
        forks = {s for i in self.design.instances if len(i.ports) > 2 for s in (*i.inputs, *i.outputs)}
        around = {name: {fifo.input, fifo.output} for name, fifo in self.fifos.items()}
        some = [n for n in self.free if self.depths[n] <= MIN_DEPTH and around[n].isdisjoint({*ends, *forks})]
        path = max(READY_PATH, longest_ready_path(self.design))

        def without_too(group: Sequence[str]) -> bool:
            fewer = (*self.left_out, *group)
            if self.work > MOST_WORK or longest_ready_path(without(self.design, fewer)) > path:
                return False
            if not self.still_enough(self.depths, fewer):
                return False
            self.left_out = fewer
            return True

        # Those that hold beats at the steady rate apart: trials without them begin from reset.
        held = self.steady.held if self.steady else dict.fromkeys(some, 0)
        for full in (False, True):
            apart = [n for n in some if (held[n] > 0) == full]
            _halved(sorted(apart, key=self._bits), without_too)

    def _sufficient(self, held: Mapping[str, int]) -> None:
        """Depths of what FIFOs hold when the input comes at the steady rate, and an entry more; or multiples of it."""
        factor = 1
        while True:
            some = {n: min(self.most[n], max(MIN_DEPTH, factor * held[n] + 1)) for n in self.free}
            self.depths = {**self.most, **some}
            if self.depths == self.most or self.enough(self.depths):
                return
            factor *= 2

    def _bits(self, name: str) -> int:
        return self.depths[name] * self.design.streams[self.fifos[name].input].bits

    def _lowered(self, names: Sequence[str], entries: int, hasty: bool = True) -> bool:
        """Whether `entries` are enough for all `names`, which then have them."""
        lower = {**self.depths, **dict.fromkeys(names, entries)}
        if self.work > MOST_WORK:
            self.minimal = False
            return False
        if not self.still_enough(lower, self.left_out, hasty):
            return False
        self.depths = lower
        return True

    def _least(self, name: str) -> None:
        """Gives `name` as few entries as are enough; MIN_DEPTH are not.

        What a stream like its own needed is tried first, as networks repeat themselves, then steps that double, as what
        it held at the steady rate is often nearly what it needs.
        """
        stream = self.design.streams[self.fifos[name].input]
        like = self._needed.get((stream.beats, stream.bits), 0)
        for entries in (like, like - 1):
            if MIN_DEPTH < entries < self.depths[name] and not self._lowered([name], entries):
                break
        step, too_few, hasty = 1, MIN_DEPTH, True
        while True:
            most = self.depths[name]
            tried = max(most - step, (most + too_few) // 2)
            if most - too_few <= 1:
                if not hasty:
                    break
                tried, too_few, hasty = most - 1, LEAST_DEPTH, False  # what seemed too few may be enough
            if self._lowered([name], tried, hasty):
                step *= 2
            else:
                step, too_few = most, tried
        self._needed[stream.beats, stream.bits] = self.depths[name]

    def _shrink_rings(self) -> None:
        """Gives every sliding window the cheapest smaller memory that is enough, the widest first."""
        windows = [i for i in self.design.instances if i.module == "swg"]
        for window in sorted(windows, key=lambda i: -self.design.streams[i.input].bits):
            before = dict(self.rings)
            for entries in ring_sizes(window.params)[0]:
                self.rings = {**before, window.name: entries}
                if self.work <= MOST_WORK and self.still_enough(self.depths):
                    break
                self.rings = before

    def _grow_rings(self) -> None:
        """Gives sliding windows a larger memory where that is cheaper; more is always enough."""
        for window in (i for i in self.design.instances if i.module == "swg"):
            larger = ring_sizes(window.params)[1]
            given = self.rings.get(window.name)
            if larger and ring_price(window.params, larger[0]) < ring_price(window.params, given):
                self.rings[window.name] = larger[0]


def _halved(
    group: Sequence[str], attempt: Callable[[Sequence[str]], bool], alone: Callable[[str], None] | None = None,
    fails: bool = False,
) -> bool:  # fmt: skip
    """Whether `attempt` does it for all of `group`; else it is made for its halves, the last first, and so on.

    `alone` (name): what becomes of one for which it fails. `fails`: that it does for the whole is known.
    """
    if not group or (not fails and attempt(group)):
        return True
    if len(group) == 1:
        if alone:
            alone(group[0])
        return False
    half = len(group) // 2
    last = _halved(group[half:], attempt, alone)
    _halved(group[:half], attempt, alone, fails=last)  # after all of the last, all of the first would be the whole
    return False
