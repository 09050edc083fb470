"""The order of channels: fewest accumulator bits, undone in whoever reads them, and where it must not change."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from flows.accumulators import POLICIES, analyse
from flows.channels.permute import by_lane, lane_bits, permute_channels
from flows.channels.rewrite import require_equal_values, rewrite, unchanged
from flows.design import Fold
from flows.errors import VerificationFailed
from flows.golden import evaluate
from flows.graph import (
    MVAU,
    Add,
    ChannelSlice,
    Concat,
    DepthToSpace,
    Graph,
    IntType,
    LabelSelect,
    Thresholding,
    Weighted,
)
from flows.kernels import mvau_sparse
from tests.channels.planted import Planted
from tests.networks import Chain

SEEDS = range(300)


def bits_of_lanes(bits: np.ndarray, pe: int) -> int:
    return sum(int(bits[p::pe].max()) for p in range(pe))


@pytest.mark.parametrize("pe", [1, 2, 3, 6])
def test_no_order_needs_fewer_bits(pe: int) -> None:
    for seed in range(10):
        bits = np.random.default_rng(seed).integers(4, 9, 6)
        order = by_lane(bits, pe)
        assert sorted(order) == list(range(6))
        least = min(bits_of_lanes(bits[list(p)], pe) for p in itertools.permutations(range(6)))
        assert bits_of_lanes(bits[order], pe) == least


@pytest.mark.parametrize("impls", [("auto",), ("auto", "sparse")])
def test_no_integer_changes_and_no_lane_gets_wider(impls: tuple[str, ...]) -> None:
    gained = 0
    for seed in SEEDS:
        planted = Planted(seed)
        graph = planted.grown()
        folding = planted.folding(graph, impls)
        made = permute_channels(graph, folding)
        if made.graph is graph:
            continue
        frames = planted.frames(graph)
        before, after = evaluate(graph, frames), evaluate(made.graph, frames)
        require_equal_values("permute", made, before, after)
        assert all(np.array_equal(before[name], after[name]) for name in graph.outputs)
        assert sum(lane_bits(made.graph, folding).values()) < sum(lane_bits(graph, folding).values())
        wide, narrow = analyse(graph), analyse(made.graph)
        for name, policy in itertools.product(wide, POLICIES):
            assert sorted(wide[name].implemented(policy)) == sorted(narrow[name].implemented(policy))
        for op in made.graph.of_type(MVAU):
            if folding[op.name].impl == "sparse":
                tiles = [len(mvau_sparse.tiles(g.op(op.name), folding[op.name])[0]) for g in (graph, made.graph)]
                assert tiles[1] <= tiles[0]
        gained += 1
    assert gained > len(SEEDS) / 10


def uneven(c: Chain, mh: int = 8) -> Chain:
    """A layer whose channels are wide and narrow in turns of three, so that two lanes or four mix them."""
    c.mvau(mh)
    c.ops[-1].weights[:, np.arange(mh) % 3 > 0] = np.sign(c.ops[-1].weights[:, np.arange(mh) % 3 > 0])
    return c


def folded(graph: Graph, **folds: Fold) -> dict[str, Fold]:
    return {op.name: folds.get(op.name, Fold(1, 1)) for op in graph.ops}


def test_lanes_hold_channels_of_equal_widths() -> None:
    graph = uneven(Chain((4, 4, 3))).thresholds().pad().window().mvau(4).thresholds().flatten().mvau(2).graph()
    folding = folded(graph, MVAU_0=Fold(4, 1))
    made = permute_channels(graph, folding)
    widths = np.array(analyse(made.graph)["MVAU_0"].exact)
    assert bits_of_lanes(widths, 4) < bits_of_lanes(np.array(analyse(graph)["MVAU_0"].exact), 4)
    order = made.channels["MVAU_0_out"]
    first, second = made.graph.op("MVAU_0"), made.graph.op("MVAU_1")
    assert isinstance(first, Weighted) and isinstance(second, Weighted)
    assert np.array_equal(first.weights, graph.op("MVAU_0").weights[:, order])
    assert np.array_equal(made.graph.op("Thresholding_0").thresholds, graph.op("Thresholding_0").thresholds[order])
    rows = np.concatenate([k * 8 + order for k in range(9)])
    assert np.array_equal(second.weights[:, made.channels["MVAU_1_out"].argsort()], graph.op("MVAU_1").weights[rows])


def test_what_gains_nothing_keeps_its_order() -> None:
    graph = uneven(Chain((4, 4, 3))).thresholds().mvau(4).thresholds().mvau(2).graph()
    for folding in (folded(graph), folded(graph, MVAU_0=Fold(8, 3))):  # one lane; a lane a channel
        assert permute_channels(graph, folding).graph is graph
    logic = folded(graph, MVAU_0=Fold(4, 1), MVAU_1=Fold(4, 8, impl="const"))
    assert permute_channels(graph, logic).graph is graph, "the reader is logic: its adders are found for its weights"


def test_twice_is_the_same() -> None:
    for seed in range(40):
        planted = Planted(seed)
        graph = planted.grown()
        folding = planted.folding(graph)
        first = permute_channels(graph, folding)
        second = permute_channels(graph, folding)
        assert all(np.array_equal(first.channels[name], second.channels[name]) for name in first.channels)
        assert permute_channels(first.graph, folding).graph is first.graph


@pytest.mark.parametrize("end", ["add", "add second", "concat", "shuffle", "slice", "label", "output", "reader"])
def test_never_across(end: str) -> None:
    """The same layer, which gains where MVAUs alone read it."""
    g = Planted(0, *((1, 1) if end == "label" else (2, 2)), 8).g
    weights = np.where(np.arange(8) % 3 > 0, 1, 7) * np.ones((8, 1), dtype=np.int64)
    x = g.append(MVAU, ("x",), weights, IntType(4, True))
    x = g.append(Thresholding, (x,), np.sort(np.arange(8 * 7).reshape(8, 7) * 3, axis=1), 0, dtype=IntType(3, False))
    match end:
        case "add":
            x = g.append(Add, (x, "x"))
        case "add second":
            x = g.append(Add, ("x", x))
        case "concat":
            x = g.append(Concat, ("x", x))
        case "shuffle":
            x = g.append(DepthToSpace, (x,), 2)
        case "slice":
            x = g.append(ChannelSlice, (x,), 0, 4)
        case "label":
            x = g.append(LabelSelect, (x,), k=1)
    if end not in ("label", "output"):
        x = g.append(MVAU, (x,), np.ones((g.tensors[x].shape[2], 2), dtype=np.int64), IntType(2, True))
    graph = Graph("across", ("x",), (x,), tuple(g.ops), g.tensors)
    graph.validate()
    made = permute_channels(graph, folded(graph, MVAU_0=Fold(4, 1)))
    assert (made.graph is graph) == (end != "reader")


def test_a_reader_that_was_forgotten_is_caught() -> None:
    graph = uneven(Chain((4, 4, 3))).thresholds().mvau(4).thresholds().mvau(2).graph()
    made = permute_channels(graph, folded(graph, MVAU_0=Fold(4, 1)))
    old = graph.op("MVAU_1")
    ops = tuple(replace(op, weights=old.weights) if op.name == "MVAU_1" else op for op in made.graph.ops)
    wrong = replace(made, graph=replace(made.graph, ops=ops))
    frames = Planted(0).frames(graph)
    with pytest.raises(VerificationFailed, match=r"permute: MVAU_1: "):
        require_equal_values("permute", wrong, evaluate(graph, frames), evaluate(wrong.graph, frames))


def test_all_channels_in_their_order_is_the_same_graph() -> None:
    for seed in range(20):
        graph = Planted(seed).grown()
        made = rewrite(graph, unchanged(graph).channels).graph
        for op, again in zip(graph.ops, made.ops, strict=True):
            if isinstance(op, Weighted):
                assert np.array_equal(op.weights, again.weights)
            if isinstance(op, Thresholding):
                assert np.array_equal(op.thresholds, again.thresholds)
