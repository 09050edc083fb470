"""The folding with the least estimated resources among those that keep every layer within a number of cycles.

Every layer's cycles depend on its own folding alone, and FIFOs (`flows.fifos`) let the slowest layer set the rate. So
each layer is free to choose among its foldings that are fast enough; what ties them are the width converters and FIFOs
between them, and the windows that a depthwise layer must take as they come. From the least parallel folding on, one
layer after the other (a window and its reader together) takes the fold that is cheapest beside its neighbours, until
none changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import product

from flows.cost import Cost, added, cost, link
from flows.design import Fold, Folding, Lowered
from flows.graph import VVAU, ConvolutionInputGenerator, Flatten, Graph, Op, Pool, Weighted
from flows.kernels.registry import kernel_of

SWEEPS = 8
CANDIDATES = 48
"""Foldings of a layer that are looked at: the cheapest by themselves."""
LINKS = 1.5
"""How much more than the cheapest one a layer may cost as logic to be looked at."""


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
            self._costs[key] = cost(low.module, low.params, low.memories)
        return self._costs[key]

    def cycles(self, op: Op, fold: Fold) -> int:
        """max(input beats, output beats, work beats) of one frame."""
        low = self(op, fold)
        beats = [self.graph[op.outputs[0]].elements // low.out_lanes, low.work_beats]
        return max(*beats, *(self.graph[name].elements // low.in_lanes for name in op.inputs))


AsLogic = Callable[[Op, Fold, float], Cost | None]


def cheapest(
    graph: Graph, start: Folding, free: Iterable[str], target: int, legal: Callable[[Op], Iterable[Fold]],
    as_logic: AsLogic = lambda op, fold, bound: None,
) -> Folding:  # fmt: skip
    """`start` with the foldings of the operators in `free` changed to what costs least within `target` cycles.

    `legal` gives an operator's foldings; `start` is one of those that are within `target`. `as_logic(op, fold, bound)`:
    what a fold costs as logic, None where it cannot be that or is sure to cost more than `bound`.
    """
    return _Search(graph, dict(start), frozenset(free), target, legal, as_logic).run()


class _Search:
    def __init__(
        self, graph: Graph, folding: dict[str, Fold], free: frozenset[str], target: int,
        legal: Callable[[Op], Iterable[Fold]], as_logic: AsLogic,
    ) -> None:  # fmt: skip
        self.graph, self.folding, self.free, self.target, self.legal = graph, folding, free, target, legal
        self.as_logic = as_logic
        self.logic: dict[tuple[str, Fold], Cost] = {}
        self.low = Lowerings(graph)
        self.readers: dict[str, list[Op]] = {}
        for op in graph.ops:
            for name in op.inputs:
                self.readers.setdefault(name, []).append(op)

    def run(self) -> Folding:
        groups = [(group, self._candidates(group)) for group in self._groups()]
        for _ in range(SWEEPS):
            changed = False
            for group, candidates in groups:
                best = min(candidates, key=lambda folds, group=group: self._price(group, folds))  # type: ignore[misc]
                now = tuple(self.folding[op.name] for op in group)
                if self._price(group, best) < self._price(group, now):
                    self.folding |= {op.name: fold for op, fold in zip(group, best, strict=True)}
                    changed = True
            if not changed:
                break
        return self.folding

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
            # A whole window a beat needs wide FIFOs, which the estimate does not know: only where the rate asks for it.
            fast = [fold for fold in fast if not fold.parallel_window] or fast
            self._try_logic(op, fast)
            # Of the tied ones every one may be needed, to fit the other.
            kept = len(fast) if len(group) > 1 else CANDIDATES
            each.append(sorted(fast, key=lambda fold, op=op: self._own(op, fold).price)[:kept])  # type: ignore[misc]
        now = tuple(self.folding[op.name] for op in group)
        together = [folds for folds in product(*each) if all(f.pe == folds[0].simd for f in folds[1:])]
        return together if now in together else [now, *together]

    def _try_logic(self, op: Op, folds: Sequence[Fold]) -> None:
        """Notes which of `folds` cost less as logic; links may make up for what one costs more than another."""
        least = min(self.low.cost(op, fold).price for fold in folds)
        for fold in folds:
            logic = self.as_logic(op, fold, min(self.low.cost(op, fold).price, least * LINKS))
            if logic is not None and logic.price <= self.low.cost(op, fold).price:
                self.logic[op.name, fold] = logic

    def _own(self, op: Op, fold: Fold) -> Cost:
        return self.logic.get((op.name, fold)) or self.low.cost(op, fold)

    def _price(self, group: tuple[Op, ...], folds: tuple[Fold, ...]) -> float:
        """Of the group and the links to its neighbours."""
        given = {op.name: fold for op, fold in zip(group, folds, strict=True)}
        costs = [self._own(op, given[op.name]) for op in group]
        for op in group:
            low = self.low(op, given[op.name])
            for name in op.inputs:
                source = self._source(name)
                # The network's input comes as its first reader wants it.
                lanes = low.in_lanes if source is None else self.low(source, self._fold(source, given)).out_lanes
                costs.append(self._link(lanes, name, low))
            for reader in self._reading(op.outputs[0]):
                if reader.name not in given:
                    costs.append(self._link(low.out_lanes, op.outputs[0], self.low(reader, self._fold(reader, given))))
            if op.outputs[0] in self.graph.outputs:
                costs.append(link(low.out_lanes, low.out_lanes, self.graph[op.outputs[0]].dtype.bits, bursts=False))
        return added(costs).price

    def _link(self, lanes: int, tensor: str, reader: Lowered) -> Cost:
        """What stands between a stream of `tensor` of `lanes` lanes and its reader."""
        given = self.graph[tensor]
        bursts = reader.work_beats > given.elements // reader.in_lanes
        return link(lanes, reader.in_lanes, given.dtype.bits, bursts)

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
