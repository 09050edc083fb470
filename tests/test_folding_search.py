"""The folding search: the least estimate of all legal foldings of small networks, never more cycles than asked."""

from __future__ import annotations

from itertools import product

import pytest

from benchmarks._set_folding import set_folding
from flows.accumulators import analyse
from flows.cost import total
from flows.design import Fold, Folding
from flows.elaborate import elaborate
from flows.folding import Request, choose, slowest_cycles
from flows.folding_search import Lowerings
from flows.graph import Flatten, Graph
from flows.kernels.registry import kernel_of
from tests.networks import Chain, small_cnn


def price(graph: Graph, folding: Folding) -> float:
    widths = {name: w.datatype_bits for name, w in analyse(graph).items()}
    channels = {op.name: (widths[op.name],) * op.mh for op in graph.ops if op.name in widths}
    return total(elaborate(graph, folding, channels)).price


@pytest.mark.parametrize("target", [24, 48, 200])
def test_it_finds_what_trying_everything_finds(target: int) -> None:
    graph = Chain((1, 1, 6), seed=1).mvau(8).thresholds(2).mvau(4).graph()
    low = Lowerings(graph)
    each = [[f for f in kernel_of(op).legal(graph, op) if low.cycles(op, f) <= target] for op in graph.ops]
    all_of_them = (dict(zip((op.name for op in graph.ops), folds, strict=True)) for folds in product(*each))
    best = min(price(graph, folding) for folding in all_of_them)
    assert price(graph, choose(graph, Request({}, target))) <= best * 1.02


@pytest.mark.parametrize("share", [1, 4, 12])
def test_it_costs_no_more_than_finns_set_folding_and_meets_the_rate(share: int) -> None:
    graph = small_cnn().graph()
    low = Lowerings(graph)
    ops = [op for op in graph.ops if not isinstance(op, Flatten)]
    # SetFolding knows no parallel windows, so the rates are those that can do without.
    plain = {op: [f for f in kernel_of(op).legal(graph, op) if not f.parallel_window] for op in ops}
    least = max(min(low.cycles(op, f) for f in folds) for op, folds in plain.items())
    target = max(least, slowest_cycles(graph) // share)
    ours, theirs = choose(graph, Request({}, target)), set_folding(graph, target)
    assert max(low.cycles(op, ours[op.name]) for op in ops) <= target
    if max(low.cycles(op, theirs[op.name]) for op in ops) <= target:
        assert price(graph, ours) <= price(graph, theirs) * 1.01
    else:
        assert share == 12, "SetFolding has no whole windows for depthwise layers, and misses only the highest rate"


def test_finns_rules() -> None:
    """SIMD first, up to 36 bits of weights a PE; then PE; a window follows its depthwise reader."""
    graph = Chain((1, 1, 64), seed=2).mvau(16).graph()
    assert set_folding(graph, 100)["MVAU_0"] == Fold(1, 16)
    assert set_folding(graph, 600)["MVAU_0"] == Fold(1, 2)
    assert set_folding(graph, 30)["MVAU_0"] == Fold(8, 8)
    pooled = small_cnn().graph()
    folding = set_folding(pooled, 324)
    assert folding["ConvolutionInputGenerator_1"].simd == folding["Pool_0"].pe
