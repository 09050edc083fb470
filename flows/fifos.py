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
two entries, halves of a group where that is too much, and then each that is left, by bisection, as far as it goes: one
entry less in any of them, and one of the two runs fails. Then what costs LUTs at no gain goes, wherever the two runs
allow it: sliding windows, which have memory for the highest rate that they could run at, get what is cheapest at this
design's rate; FIFOs that carry a beat at most every other clock get a single entry, a register without logic; and FIFOs
go altogether where the design runs without them and no tready passes through too many modules in a clock cycle. The
stitched RTL simulation confirms what the model says.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from flows.cost import cost
from flows.cycles import Model, Timing
from flows.design import Design, Instance
from flows.elaborate import LEAST_DEPTH, MIN_DEPTH, longest_ready_path, without
from flows.errors import VerificationFailed
from flows.simulate.job import Throttle

FRAMES = 12
FEWEST_FRAMES = 4
"""Of a run, where frames are long; `RUN_CYCLES` decides."""
CUT_DOWN_FRAMES = 2
"""When the second has come out, every stage is done with the first; so all can be as it was at the start, and what went
once goes again and again."""
RUN_CYCLES = 4_000_000
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
    the design does without, though it would run with their `depths` too. `minimal`: whether each depth is the least
    with the others as they are, which a very large search leaves open. `trials`: how many depths were tried. `seconds`
    by what they were spent on.
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


def size(elaborated: Callable[[Mapping[str, int]], Design], fixed: Mapping[str, int]) -> Sizing:
    """Depths for the design that `elaborated(depths)` makes; those in `fixed` are kept.

    Raises VerificationFailed where no depths reach the analytic interval, UnsupportedModel where a module has no cycle
    model.
    """
    began = time.monotonic()
    design = elaborated({**roomy(elaborated({})), **fixed})
    search = Search(design, fixed)
    depths = search.run()
    left_out = search.superfluous(depths)
    timing = search.full_speed(depths, left_out=left_out)
    return Sizing(
        depths, timing.interval_cycles, timing.latency_cycles, search.minimal, search.trials,
        {"cycle_model": round(time.monotonic() - began, 3)}, search.rings, left_out,
    )  # fmt: skip


def roomy(design: Design) -> dict[str, int]:
    """Depths that never fill up in a run or, for large maps, hold a whole frame, with which nothing can stand still.

    Of the stages that have put out the fewest frames take the first in the stream. All of its next input frame has been
    written by the stages before it, and every reader of it has taken all the frames that it has finished. So its
    input is there, and the FIFO behind it holds less than one frame: it moves.
    """
    beats = {i.name: design.streams[i.input].beats for i in design.instances if i.module == "fifo"}
    return {name: max(MIN_DEPTH, n, min(FRAMES * n, ROOMY)) for name, n in beats.items()}


def frames_of(design: Design) -> int:
    """Frames of a run that sizes `design`."""
    return max(FEWEST_FRAMES, min(FRAMES, RUN_CYCLES // design.bound[0]))


class Search:
    """The search for the depths of `design`, whose FIFOs are roomy but for those in `fixed`."""

    def __init__(self, design: Design, fixed: Mapping[str, int]) -> None:
        self.design, self.fixed = design, fixed
        self.model, self.cut_down = Model(design), Model(design, cut_down=True)
        self.fifos: dict[str, Instance] = {i.name: i for i in design.instances if i.module == "fifo"}
        self.most = {name: int(fifo.params["DEPTH"]) for name, fifo in self.fifos.items()}  # type: ignore[arg-type]
        self.free = [name for name in self.fifos if name not in fixed]
        self.frames = frames_of(design)
        self.limit = 0.0
        self.trials = self.work = 0
        self.minimal = True
        self.rings: dict[str, int] = {}

    def full_speed(
        self, depths: Mapping[str, int], throttle: Throttle | None = None, left_out: Sequence[str] = ()
    ) -> Timing:  # fmt: skip
        """A run of the model with `depths`."""
        model = Model(without(self.design, left_out)) if left_out else self.model
        filling = throttle is None and depths is self.most  # for ever: nothing is steady
        limits = self._limits(depths, left_out)
        timing = model.run(self.frames, limits=limits, throttle=throttle, until_steady=not filling)
        self.trials += 1
        self.work += timing.steps
        return timing

    def enough(self, depths: Mapping[str, int], left_out: Sequence[str] = ()) -> bool:
        """Whether `depths`, without the FIFOs `left_out`, give the best rate and carry the cut-down network."""
        if self.full_speed(depths, left_out=left_out).interval_cycles > self.limit:
            return False
        cut_down = Model(without(self.design, left_out), cut_down=True) if left_out else self.cut_down
        timing = cut_down.run(CUT_DOWN_FRAMES, limits=self._limits(depths, left_out))
        self.work += timing.steps
        return not timing.deadlock

    def _limits(self, depths: Mapping[str, int], left_out: Sequence[str]) -> dict[str, int]:
        return {**{name: depth for name, depth in depths.items() if name not in left_out}, **self.rings}

    def run(self) -> dict[str, int]:
        """The depths. Raises VerificationFailed where none reach the analytic interval."""
        bound, slowest = self.design.bound
        best = self.full_speed(self.most)
        if best.interval_cycles > bound + tolerance(bound):
            given = f" with the given depths {dict(self.fixed)}" if self.fixed else ""
            raise VerificationFailed(
                f"fifos: however deep the FIFOs are, the interval is {best.interval_cycles:.1f} cycles{given}, "
                f"{slowest} needs {bound}; a stage stalls by itself"
            )
        self.limit = max(float(bound), best.interval_cycles)
        shallow = {**self.most, **dict.fromkeys(self.free, MIN_DEPTH)}
        depths = shallow if self.enough(shallow) else self._lowered(self._sufficient(bound))
        self._shrink_rings(depths)
        depths = self._single(depths, bound)
        self._grow_rings()
        return depths

    def _sufficient(self, bound: int) -> dict[str, int]:
        """What FIFOs hold when the input comes at the steady rate, and an entry more; or multiples of it."""
        held = self.full_speed(self.most, Throttle(bound)).peaks
        factor = 1
        while True:
            some = {n: min(self.most[n], max(MIN_DEPTH, factor * held[n] + 1)) for n in self.free}
            depths = {**self.most, **some}
            if depths == self.most or self.enough(depths):
                return depths
            factor *= 2

    def _lowered(self, depths: dict[str, int]) -> dict[str, int]:
        def bits(name: str) -> int:
            return depths[name] * self.design.streams[self.fifos[name].input].bits

        # The larger ones last, so first.
        names = sorted((n for n in self.free if depths[n] > MIN_DEPTH), key=bits)
        return self._lowered_to(MIN_DEPTH, names, depths, self._least)

    def _lowered_to(
        self, entries: int, names: Sequence[str], depths: dict[str, int],
        alone: Callable[[dict[str, int], str], dict[str, int]] | None = None,
    ) -> dict[str, int]:  # fmt: skip
        """`depths` with `entries` for all `names` together, or halves of them, the last first, where that is enough.

        `alone` (depths, name) says what becomes of one for which it is not.
        """
        groups = [names] if names else []
        while groups:
            if self.work > MOST_WORK:
                self.minimal = False
                break
            group = groups.pop()
            lower = {**depths, **dict.fromkeys(group, entries)}
            if self.enough(lower):
                depths = lower
            elif len(group) > 1:
                groups += [group[: len(group) // 2], group[len(group) // 2 :]]
            elif alone:
                depths = alone(depths, group[0])
        return depths

    def _shrink_rings(self, depths: Mapping[str, int]) -> None:
        """Gives every sliding window the cheapest smaller memory that is enough beside `depths`, the widest first."""
        windows = [i for i in self.design.instances if i.module == "swg"]
        for window in sorted(windows, key=lambda i: -self.design.streams[i.input].bits):
            before = dict(self.rings)
            for entries in ring_sizes(window)[0]:
                self.rings = {**before, window.name: entries}
                if self.work <= MOST_WORK and self.enough(depths):
                    break
                self.rings = before

    def _grow_rings(self) -> None:
        """Gives sliding windows a larger memory where that is cheaper; more is always enough."""
        for window in (i for i in self.design.instances if i.module == "swg"):
            larger = ring_sizes(window)[1]
            if larger and _price(window, larger[0]) < _price(window, self.rings.get(window.name)):
                self.rings[window.name] = larger[0]

    def _single(self, depths: dict[str, int], bound: int) -> dict[str, int]:
        """`depths` with one entry where that is enough, which takes a beat every other clock."""
        beats = {name: self.design.streams[self.fifos[name].input].beats for name in self.free}
        slow = [name for name in self.free if depths[name] == MIN_DEPTH and 2 * beats[name] <= bound]
        return self._lowered_to(LEAST_DEPTH, slow, depths)

    def superfluous(self, depths: Mapping[str, int]) -> tuple[str, ...]:
        """FIFOs of up to two entries that the design runs without; the widest first.

        Those at the design's ends stay, and those beside branches, whose treadys depend on tvalids.
        """
        ends = (self.design.input, self.design.output)
        forks = {s for i in self.design.instances if len(i.ports) > 2 for s in (*i.inputs, *i.outputs)}
        around = {name: {fifo.input, fifo.output} for name, fifo in self.fifos.items()}
        some = [n for n in self.free if depths[n] <= MIN_DEPTH and around[n].isdisjoint({*ends, *forks})]
        left_out: tuple[str, ...] = ()
        path = max(READY_PATH, longest_ready_path(self.design))
        groups: list[Sequence[str]] = [sorted(some, key=lambda n: -self.design.streams[self.fifos[n].input].bits)]
        while groups and self.work <= MOST_WORK:
            group = groups.pop()
            fewer = (*left_out, *group)
            if group and longest_ready_path(without(self.design, fewer)) <= path and self.enough(depths, fewer):
                left_out = fewer
            elif len(group) > 1:
                groups += [group[len(group) // 2 :], group[: len(group) // 2]]
        return left_out

    def _least(self, depths: dict[str, int], name: str) -> dict[str, int]:
        """`depths` with as few entries for `name` as are enough; MIN_DEPTH are not."""
        too_few, tried = MIN_DEPTH, depths[name] - 1  # often what it holds at the steady rate is what it needs
        while depths[name] - too_few > 1:
            if self.work > MOST_WORK:
                self.minimal = False
                break
            lower = {**depths, name: tried}
            if self.enough(lower):
                depths = lower
            else:
                too_few = tried
            tried = (depths[name] + too_few) // 2
        return depths


def ring_sizes(window: Instance) -> tuple[list[int], list[int]]:
    """Beats that the memory of an `swg` may hold at a lower cost than its own: (fewer, more), the cheapest first.

    A power of two needs no address counters, so it may be worth more memory than the rate asks for.
    """
    p = {key: value for key, value in window.params.items() if isinstance(value, int)}
    own = p["DEPTH"]
    least = (((p["KH"] - 1) * p["DH"] * p["W"] + (p["KW"] - 1) * p["DW"]) + 1) * p["FOLDS"]
    full = 1 << own.bit_length()
    # Memories come in multiples of 32 words.
    sizes = {least, *range(-(-least // 32) * 32, full + 1, 32), *(1 << n for n in range(own.bit_length() + 1))}
    price = {d: _price(window, d) for d in sorted(sizes) if d >= least}
    best: dict[float, int] = {price[d]: d for d in price if price[d] < _price(window, own)}  # of equal ones the most
    cheapest = [best[at] for at in sorted(best)]
    return [d for d in cheapest if d < own], [d for d in cheapest if d > own]


def _price(window: Instance, entries: int | None) -> float:
    """Of an `swg` with that memory, None: its own."""
    return cost(window.module, window.params if entries is None else {**window.params, "DEPTH": entries}).price
