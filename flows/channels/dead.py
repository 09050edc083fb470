"""Which channels of a network are dead: no output depends on them.

A channel is dead where nothing reads it: its weights are zero in every MVAU that takes it, or lead to dead channels
only. A constant channel need not be read either where the MVAU's own thresholds can take its share of the sums over;
that is exact where it is constant at every pixel, which zeros of a padding around it make it not, unless it is zero.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from flows.channels.constants import Range, channel_ranges
from flows.channels.ties import Ties, ties
from flows.graph import MVAU, Graph, IntArray, LabelSelect, Thresholding, Weighted

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Channels:
    """What is known of the channels of `graph`."""

    graph: Graph
    ties: Ties = field(init=False)
    ranges: dict[str, Range] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ties", ties(self.graph))
        object.__setattr__(self, "ranges", channel_ranges(self.graph))

    @cached_property
    def count(self) -> int:
        """Of classes."""
        return 1 + max(int(labels.max()) for labels in self.ties.values())

    @cached_property
    def fixed(self) -> Bools:
        """(count,): classes that must stay: of the network's inputs and outputs, and of what labels are chosen from."""
        found = np.zeros(self.count, dtype=np.bool_)
        labels = [name for op in self.graph.of_type(LabelSelect) for name in (*op.inputs, *op.outputs)]
        for name in (*self.graph.inputs, *self.graph.outputs, *labels):
            found[self.ties[name]] = True
        return found

    @cached_property
    def weights(self) -> IntArray:
        """(count,): weights that are not zero of what makes each class: what it costs to keep one that is dead."""
        found = np.zeros(self.count, dtype=np.int64)
        for op in self.graph.of_type(Weighted):
            np.add.at(found, self.ties[op.outputs[0]], np.count_nonzero(op.weights, axis=0))
        return found

    def constant(self, tensor: str) -> tuple[Bools, IntArray]:
        """(whether each channel is a constant, its value there), (C,) each."""
        lo, hi = self.ranges[tensor]
        return lo == hi, lo

    def absorbs(self, op: MVAU) -> bool:
        """Whether thresholds behind `op` can take over what a constant input adds to its sums."""
        out = op.outputs[0]
        readers = self.graph.consumers(out)
        return bool(readers) and out not in self.graph.outputs and all(isinstance(r, Thresholding) for r in readers)

    @cached_property
    def _reads(self) -> list[tuple[IntArray, IntArray, Bools]]:
        """Of every MVAU, the last first: (input classes, output classes, whether row i is read for column c)."""
        found = []
        for op in reversed(self.graph.of_type(MVAU)):
            constant, value = self.constant(op.inputs[0])
            free = constant if self.absorbs(op) else constant & (value == 0)
            read = (op.weights != 0) & ~free[:, None]
            found.append((self.ties[op.inputs[0]], self.ties[op.outputs[0]], read))
        return found

    def live(self, kept: Iterable[int] = ()) -> Bools:
        """(count,): the classes that outputs depend on, and those `kept` with all that they depend on."""
        live = self.fixed.copy()
        live[list(kept)] = True
        while True:
            before = int(live.sum())
            for rows, columns, read in self._reads:
                live[rows[read[:, live[columns]].any(axis=1)]] = True
            if int(live.sum()) == before:
                return live

    def with_one_each(self, kept: Iterable[int] = ()) -> tuple[frozenset[int], Bools]:
        """(`kept` and more, what then is live): no tensor is without a channel."""
        chosen = set(kept)
        while True:
            live = self.live(chosen)
            empty = next((labels for labels in self.ties.values() if not live[labels].any()), None)
            if empty is None:
                return frozenset(chosen), live
            chosen.add(min((int(c) for c in empty), key=lambda c: (int(self.weights[c]), c)))
