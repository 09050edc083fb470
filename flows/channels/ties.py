"""Which channels of a graph's tensors stand and fall together.

A channel that leaves a tensor leaves what is made of it element by element too: the pixels of its windows, its
thresholds, its sums with another branch. Only an MVAU's weights free its outputs from its inputs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from flows.errors import UnsupportedModel
from flows.graph import (
    MVAU,
    VVAU,
    Add,
    ChannelSlice,
    Concat,
    ConvolutionInputGenerator,
    DepthToSpace,
    Flatten,
    FMPadding,
    FMPaddingPixel,
    GlobalAccPool,
    Graph,
    IntArray,
    LabelSelect,
    Op,
    Pool,
    Thresholding,
    UpsampleNearest,
)

Ties = Mapping[str, IntArray]
"""Tensor to the class of each of its channels, int64 (C,): channels of one class are tied, across all tensors."""


def ties(graph: Graph) -> Ties:
    """Classes 0, 1, ... in the order in which the graph makes them."""
    join = _Join()
    found: dict[str, IntArray] = {name: join.fresh(graph[name].shape[2]) for name in graph.inputs}
    for op in graph.ops:
        given = [found[name] for name in op.inputs]
        found[op.outputs[0]] = _made(join, graph, op, given)
    roots = {name: join.roots(labels) for name, labels in found.items()}
    order = np.unique(np.concatenate(list(roots.values())))
    return {name: np.searchsorted(order, labels).astype(np.int64) for name, labels in roots.items()}


def _made(join: _Join, graph: Graph, op: Op, given: list[IntArray]) -> IntArray:
    """The labels of what `op` makes."""
    x = given[0]
    match op:
        case MVAU() | LabelSelect():
            return join.fresh(graph[op.outputs[0]].shape[2])
        case ConvolutionInputGenerator():
            return np.tile(x, math.prod(op.kernel))
        case Flatten():
            h, w, _ = graph[op.inputs[0]].shape
            return np.tile(x, h * w)
        case Pool() | VVAU() | DepthToSpace():
            rows = x.reshape(-1, graph[op.outputs[0]].shape[2])
            for row in rows[1:]:
                join.pairs(rows[0], row)
            return np.array(rows[0])
        case Add():
            join.pairs(x, given[1])
            return x
        case Concat():
            return np.concatenate(given)
        case ChannelSlice():
            return np.array(x[op.start : op.stop])
        case Thresholding() | FMPadding() | FMPaddingPixel() | UpsampleNearest() | GlobalAccPool():
            return x
    raise UnsupportedModel(f"{op.name}: it is not known which channels operator {op.kind} ties")


class _Join:
    """Labels, and which of them are the same."""

    def __init__(self) -> None:
        self.parent: list[int] = []

    def fresh(self, count: int) -> IntArray:
        first = len(self.parent)
        self.parent.extend(range(first, first + count))
        return np.arange(first, first + count, dtype=np.int64)

    def root(self, label: int) -> int:
        while self.parent[label] != label:
            self.parent[label] = self.parent[self.parent[label]]
            label = self.parent[label]
        return label

    def pairs(self, a: IntArray, b: IntArray) -> None:
        for i, j in {(int(i), int(j)) for i, j in zip(a, b, strict=True) if i != j}:
            first, second = sorted((self.root(i), self.root(j)))
            self.parent[second] = first

    def roots(self, labels: IntArray) -> IntArray:
        return np.array([self.root(int(label)) for label in labels], dtype=np.int64)
