"""Takes dead channels out of a graph: as many as make the folded design cheapest.

A layer folds by the divisors of its channels: of 16, taking 3 out leaves 13, which is 1 or 13 lanes. So dead channels
may stay, to make the number a better one; which number, the estimated cost of the folding that is then found decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache

import numpy as np

from flows.channels.dead import Bools, Channels
from flows.channels.rewrite import Rewritten, rewrite, unchanged
from flows.graph import MVAU, Graph, IntArray, Weighted

Price = tuple[int, float]
"""(what the request forbids, estimated cost): the less the better, in this order."""
SWEEPS = 2
MOST_PRICED, FEWEST_PRICED, MOST_WEIGHTS = 80, 8, 20_000_000
"""Graphs whose folding is looked for, each of which takes as long as choosing one: as many as have so many weights."""


def remove_channels(graph: Graph, price: Callable[[Graph], Price] | None = None) -> Rewritten:
    """`graph` without dead channels. Every output keeps its integers, every other tensor those of its channels.

    `price`: of a graph; None: every dead channel goes that can. Where nothing is cheaper than before, nothing goes.
    Where an MVAU loses inputs that are constant, its thresholds are shifted by what they added.
    """
    known = Channels(graph)
    kept, live = known.with_one_each()
    if live.all():
        return unchanged(graph)
    if price is not None:
        kept, live = _Search(known, kept, price).run()
    return unchanged(graph) if live.all() else without(known, live)


def without(known: Channels, live: Bools) -> Rewritten:
    """The graph with the channels of the classes `live` alone, which must be all that `Channels.live` says."""
    channels = {name: np.flatnonzero(live[labels]) for name, labels in known.ties.items()}
    shifts = dict(_shifts(known, live, channels))
    return rewrite(known.graph, channels, shifts)


def _shifts(known: Channels, live: Bools, channels: Mapping[str, IntArray]) -> Iterator[tuple[str, IntArray]]:
    """(tensor, what its kept channels lose, (C',)) of every MVAU that loses constant inputs which are not zero."""
    for op in known.graph.of_type(MVAU):
        gone = ~live[known.ties[op.inputs[0]]]
        weights = op.weights[np.ix_(gone, channels[op.outputs[0]])]
        constant, value = known.constant(op.inputs[0])
        assert not weights[~constant[gone]].any(), f"{op.name} reads a channel that is to go"
        shift = value[gone] @ weights
        if shift.any():
            assert known.absorbs(op), f"nothing behind {op.name} takes a constant over"
            yield op.outputs[0], shift


class _Search:
    """How many channels each tensor keeps: one after the other takes the number that is cheapest beside the others."""

    def __init__(self, known: Channels, least: Iterable[int], price: Callable[[Graph], Price]) -> None:
        self.known, self.least, self.price = known, frozenset(least), price
        self.live = known.live(self.least)
        self.groups = list(self._groups())
        weights = sum(op.weights.size for op in known.graph.of_type(Weighted))
        self.left = min(MOST_PRICED, max(FEWEST_PRICED, MOST_WEIGHTS // weights))
        self._priced = cache(self._price)

    def run(self) -> tuple[frozenset[int], Bools]:
        """(dead classes that stay, all classes that stay)."""
        whole = frozenset(range(self.known.count))
        found = self._priced(whole)
        # All tensors alike, then one after the other.
        alike = [
            {number: options[min(n, len(options) - 1)] for number, options in enumerate(self.groups)}
            for n in range(max(map(len, self.groups)))
        ]
        spare = min(alike, key=self._cost)
        best = self._cost(spare)
        for _ in range(SWEEPS):
            changed = False
            for number, options in enumerate(self.groups):
                for option in options:
                    other = {**spare, number: option}
                    if self._cost(other) < best:
                        spare, best, changed = other, self._cost(other), True
            if not changed:
                break
        kept = whole if found < best else self.least.union(*spare.values())
        return kept, self.known.live(kept)

    def _groups(self) -> Iterator[list[frozenset[int]]]:
        """Of every tensor that is the first with some dead channels: which may stay, to make a multiple of 2**n."""
        seen = self.live.copy()
        for labels in self.known.ties.values():
            dead = [c for c in dict.fromkeys(labels.tolist()) if not seen[c]]
            if not dead:
                continue
            seen[dead] = True
            dead.sort(key=lambda c: (int(self.known.weights[c]), c))
            count, least = len(labels), int(self.live[labels].sum())
            numbers = [-(-least // (1 << n)) << n for n in range(count.bit_length())]
            yield [frozenset(dead[: n - least]) for n in numbers if n < count] + [frozenset(dead)]

    def _cost(self, spare: Mapping[int, frozenset[int]]) -> Price:
        return self._priced(self.least.union(*spare.values()))

    def _price(self, kept: frozenset[int]) -> Price:
        live = self.known.live(kept)
        if live.all():
            return self.price(self.known.graph)
        if self.left == 0:
            return 1 << 62, 0.0
        self.left -= 1
        return self.price(without(self.known, live).graph)
