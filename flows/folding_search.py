"""The folding with the least estimated resources among those that keep every layer within a number of cycles.

Every layer's cycles depend on its own folding alone, and FIFOs (`flows.fifos`) let the slowest layer set the rate. So
each layer is free to choose among its foldings that are fast enough; what ties them are the width converters and FIFOs
between them, and the windows that a depthwise layer must take as they come. From the least parallel folding on, one
layer after the other (a window and its depthwise reader together) takes the fold that is cheapest beside its
neighbours; then a layer, its reader and its reader's together the best of the few that are cheapest by themselves
(between two layers that are logic there is no FIFO); until none changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import product

from flows.cost import Cost, added, cost, link
from flows.design import Fold, Folding, Lowered
from flows.elaborate import DIRECT
from flows.graph import VVAU, ConvolutionInputGenerator, Flatten, Graph, Op, Pool, Weighted
from flows.kernels.registry import kernel_of
from flows.rings import with_cheapest

SWEEPS = 8
CANDIDATES = 48
"""Foldings of a layer that are looked at: the cheapest by themselves."""
LINKS, LINK = 1.5, 64
"""How much more than the cheapest one a layer may cost as logic to be looked at: times as much, or LUTs more."""
TOGETHER, FEW = 3, 6
"""Layers in a row that choose together, and how many foldings of each are then looked at, beside those as logic."""


class Lowerings:
    """Every operator's lowering for a folding, made once."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._known: dict[tuple[str, Fold], Lowered] = {}
        self._costs: dict[tuple[str, Fold], Cost] = {}

    def __call__(self, op: Op, fold: Fold) -> Lowered:
        key = (op.name, fold)
        if key not in self._known:
            first, *more = (self.graph[name].dtype for name in op.inputs)
            bits = self.graph[op.outputs[0]].dtype.bits
            acc = (bits,) * op.mh if isinstance(op, Weighted) else None
            self._known[key] = kernel_of(op).lower(self.graph, op, fold, first, acc, *more)
        return self._known[key]

    def cost(self, op: Op, fold: Fold) -> Cost:
        """Estimated, of the module alone."""
        key = (op.name, fold)
        if key not in self._costs:
            low = self(op, fold)
            params = with_cheapest(low.params) if low.module == "swg" else low.params
            self._costs[key] = cost(low.module, params, low.memories)
        return self._costs[key]

    def cycles(self, op: Op, fold: Fold) -> int:
        """max(input beats, output beats, work beats) of one frame."""
        low = self(op, fold)
        beats = [self.graph[op.outputs[0]].elements // low.out_lanes, low.work_beats]
        return max(*beats, *(self.graph[name].elements // low.in_lanes for name in op.inputs))


AsLogic = Callable[[Op, Fold, float], Fold | None]


def cheapest(
    graph: Graph, start: Folding, free: Iterable[str], target: int, legal: Callable[[Op], Iterable[Fold]],
    as_logic: AsLogic = lambda op, fold, bound: None,
) -> Folding:  # fmt: skip
    """`start` with the foldings of the operators in `free` changed to what costs least within `target` cycles.

    `legal` gives an operator's foldings; `start` is one of those that are within `target`. `as_logic(op, fold, bound)`:
    the fold as logic, None where it cannot be that or is sure to cost more than `bound`.
    """
    return _Search(graph, dict(start), frozenset(free), target, legal, as_logic).run()


class _Search:
    def __init__(
        self, graph: Graph, folding: dict[str, Fold], free: frozenset[str], target: int,
        legal: Callable[[Op], Iterable[Fold]], as_logic: AsLogic,
    ) -> None:  # fmt: skip
        self.graph, self.folding, self.free, self.target, self.legal = graph, folding, free, target, legal
        self.as_logic = as_logic
        self.spared: set[str] = set()
        """Windows that can do without giving all of their pixels in a beat."""
        self.low = Lowerings(graph)
        self.readers: dict[str, list[Op]] = {}
        for op in graph.ops:
            for name in op.inputs:
                self.readers.setdefault(name, []).append(op)

    def run(self) -> Folding:
        groups = {group: self._candidates(group) for group in self._groups()}
        for _ in range(SWEEPS):
            changed = [self._take_best(group, candidates) for group, candidates in groups.items()]
            if not any(changed):
                changed = [self._take_best(*self._joined(row, groups)) for row in self._rows(groups)]
            if not any(changed):
                break
        return self.folding

    def _take_best(self, group: tuple[Op, ...], candidates: Iterable[tuple[Fold, ...]]) -> bool:
        """Takes the cheapest of `candidates`; whether that is another one than before."""
        best = min(candidates, key=lambda folds: self._price(group, folds))
        now = tuple(self.folding[op.name] for op in group)
        if self._price(group, best) >= self._price(group, now):
            return False
        self.folding |= {op.name: fold for op, fold in zip(group, best, strict=True)}
        return True

    def _rows(self, groups: Iterable[tuple[Op, ...]]) -> Iterator[tuple[tuple[Op, ...], ...]]:
        """Groups behind each other, TOGETHER at a time, at the end of a branch as many as there are."""
        of = {op.name: group for group in groups for op in group}
        for group in of.values():
            row = [group]
            while len(row) < TOGETHER:
                readers = list(self._reading(row[-1][-1].outputs[0]))
                following = of.get(readers[0].name) if len(readers) == 1 else None
                if following is None or following in row:
                    break
                row.append(following)
            if len(row) > 1:
                yield tuple(row)

    def _joined(
        self, row: tuple[tuple[Op, ...], ...], groups: Mapping[tuple[Op, ...], list[tuple[Fold, ...]]]
    ) -> tuple[tuple[Op, ...], list[tuple[Fold, ...]]]:
        """The operators of a row, and every combination of their few cheapest foldings and those as logic."""
        each = []
        for group in row:
            special = [f for f in groups[group] if f[0].parallel_window or f[0].impl == "const"]
            now = tuple(self.folding[op.name] for op in group)
            each.append(dict.fromkeys([*groups[group][:FEW], *special[:FEW], now]))
        return sum(row, ()), [sum(folds, ()) for folds in product(*each)]

    def _groups(self) -> Iterator[tuple[Op, ...]]:
        """Operators that choose together: a window and the depthwise layer that reads it."""
        for op in self.graph.ops:
            if op.name not in self.free or self._window_of(op) is not None:
                continue
            readers = self.readers.get(op.outputs[0], []) if isinstance(op, ConvolutionInputGenerator) else []
            tied = [r for r in readers if isinstance(r, Pool | VVAU)]
            if all(r.name in self.free for r in tied):
                yield (op, *tied)

    def _window_of(self, op: Op) -> Op | None:
        source = self.graph.producer(op.inputs[0]) if isinstance(op, Pool | VVAU) else None
        return source if isinstance(source, ConvolutionInputGenerator) else None

    def _candidates(self, group: tuple[Op, ...]) -> list[tuple[Fold, ...]]:
        each = []
        for op in group:
            fast = [fold for fold in self.legal(op) if self.low.cycles(op, fold) <= self.target]
            if plain := [fold for fold in fast if not fold.parallel_window]:
                self.spared.add(op.name)
                # A Pool or VVAU keeps its window waiting for every fold of channels.
                fast = plain if len(group) > 1 else fast
            fast = [*fast, *self._as_logic(op, fast)]
            # Of the tied ones every one may be needed, to fit the other.
            kept = len(fast) if len(group) > 1 else CANDIDATES
            each.append(sorted(fast, key=lambda fold, op=op: self.low.cost(op, fold).price)[:kept])  # type: ignore[misc]
        now = tuple(self.folding[op.name] for op in group)
        together = [folds for folds in product(*each) if all(f.pe == folds[0].simd for f in folds[1:])]
        return together if now in together else [now, *together]

    def _as_logic(self, op: Op, folds: Sequence[Fold]) -> list[Fold]:
        """Those of `folds` that can be logic as such, where links may make up for what they cost more than another."""
        least = min(self.low.cost(op, fold).price for fold in folds)
        bound = max(least * LINKS, least + LINK)
        found = [logic for fold in folds if (logic := self.as_logic(op, fold, bound)) is not None]
        return [fold for fold in found if self.low.cost(op, fold).price <= bound]

    def _price(self, group: tuple[Op, ...], folds: tuple[Fold, ...]) -> float:
        """Of the group and the links to its neighbours."""
        given = {op.name: fold for op, fold in zip(group, folds, strict=True)}
        if any(self._waits(op, given) for op in group):
            return float("inf")
        costs = [self.low.cost(op, given[op.name]) for op in group]
        for op in group:
            low = self.low(op, given[op.name])
            for name in op.inputs:
                source = self._source(name)
                # The network's input comes as its first reader wants it.
                lanes = low.in_lanes if source is None else self.low(source, self._fold(source, given)).out_lanes
                costs.append(self._link(lanes, name, source, op, given))
            for reader in self._reading(op.outputs[0]):
                if reader.name not in given:
                    costs.append(self._link(low.out_lanes, op.outputs[0], op, reader, given))
            if op.outputs[0] in self.graph.outputs:
                costs.append(link(low.out_lanes, low.out_lanes, self.graph[op.outputs[0]].dtype.bits, bursts=False))
        return added(costs).price

    def _waits(self, op: Op, given: Mapping[str, Fold]) -> bool:
        """Whether `op`, or what it reads, is a window of all pixels a beat that would need wide FIFOs without need.

        The estimate does not know those FIFOs. None are needed where the input and then all of the windows, one after
        the other, are not too many cycles; and where the rate can be met by nothing else, they are.
        """
        for window in (op, self._source(op.inputs[0])):
            if window is None or window.name not in self.spared or not self._fold(window, given).parallel_window:
                continue
            low = self.low(window, self._fold(window, given))
            work = [self.low(r, self._fold(r, given)).work_beats for r in self._reading(window.outputs[0])]
            if self.graph[window.inputs[0]].elements // low.in_lanes + max(work, default=0) > self.target:
                return True
        return False

    def _link(self, lanes: int, tensor: str, writer: Op | None, reader: Op, given: Mapping[str, Fold]) -> Cost:
        """What stands between a stream of `tensor` of `lanes` lanes, which `writer` makes, and its reader."""
        low, read = self.low(reader, self._fold(reader, given)), self.graph[tensor]
        if writer is not None and lanes == low.in_lanes and self._modules(writer, reader, given) in DIRECT:
            return Cost()
        return link(lanes, low.in_lanes, read.dtype.bits, low.work_beats > read.elements // low.in_lanes)

    def _modules(self, writer: Op, reader: Op, given: Mapping[str, Fold]) -> tuple[str, str]:
        one, two = (self.low(op, self._fold(op, given)).module for op in (writer, reader))
        return one, two

    def _fold(self, op: Op, given: Mapping[str, Fold]) -> Fold:
        return given[op.name] if op.name in given else self.folding[op.name]

    def _source(self, tensor: str) -> Op | None:
        source = self.graph.producer(tensor)
        return self._source(source.inputs[0]) if isinstance(source, Flatten) else source

    def _reading(self, tensor: str) -> Iterator[Op]:
        for reader in self.readers.get(tensor, []):
            if isinstance(reader, Flatten):
                yield from self._reading(reader.outputs[0])
            else:
                yield reader
