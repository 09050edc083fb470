"""Dead channels: what goes, what stays, and that no integer changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from flows.accumulators import analyse
from flows.channels import constants
from flows.channels.dead import Channels
from flows.channels.price import folded_price
from flows.channels.remove import remove_channels
from flows.channels.rewrite import Rewritten, require_equal_values
from flows.config import LayerFolding
from flows.errors import InfeasibleFolding, VerificationFailed
from flows.folding import Request, choose, read_finn_json, to_finn_json
from flows.golden import evaluate
from flows.graph import FMPadding, Graph, Thresholding, Weighted
from tests.channels.planted import Planted
from tests.networks import Chain
from tests.random_graphs import network

SEEDS = range(400)


def columns(graph: Graph) -> dict[str, tuple[int, int]]:
    return {op.name: (op.mw, op.mh) for op in graph.of_type(Weighted)}


def compare(graph: Graph, made: Rewritten, frames: dict[str, np.ndarray]) -> None:
    before, after = evaluate(graph, frames), evaluate(made.graph, frames)
    require_equal_values("minimize", made, before, after)
    for name in graph.outputs:
        assert np.array_equal(before[name], after[name])
    for name, values in after.items():
        t = made.graph[name]
        assert values.shape[1:] == t.shape and t.lo <= values.min() and values.max() <= t.hi


def test_no_integer_changes_and_nothing_gets_wider() -> None:
    smaller = shifted = 0
    for seed in SEEDS:
        planted = Planted(seed)
        graph = planted.grown()
        made = remove_channels(graph)
        compare(graph, made, planted.frames(graph))
        assert {name: made.graph[name].shape for name in (*graph.inputs, *graph.outputs)} == {
            name: graph[name].shape for name in (*graph.inputs, *graph.outputs)
        }
        assert [op.name for op in made.graph.ops] == [op.name for op in graph.ops]
        assert min(t.shape[2] for t in made.graph.tensors.values()) >= 1
        wide, narrow = analyse(graph), analyse(made.graph)
        assert all(narrow[name].exact_bits <= wide[name].exact_bits for name in wide)
        smaller += columns(made.graph) != columns(graph)
        shifted += bool(made.shifts)
        again = remove_channels(made.graph)
        compare(made.graph, again, planted.frames(graph))
    assert smaller > 0.8 * len(SEEDS) and shifted > 0.2 * len(SEEDS)


def test_the_networks_of_the_other_tests() -> None:
    for number in range(200):
        n = network(number)
        compare(n.graph, remove_channels(n.graph), {"x": n.frames})


def test_the_same_graph_twice_is_the_same() -> None:
    for seed in range(20):
        first, second = (remove_channels(Planted(seed).grown()).graph for _ in range(2))
        for a, b in zip(first.ops, second.ops, strict=True):
            for one, other in zip(vars(a).values(), vars(b).values(), strict=True):
                assert np.array_equal(one, other)


def constant_channel(value: int, padded: bool) -> Graph:
    """Channel 0 of the first layer is always `value`, and the second layer reads it, behind a padding perhaps."""
    c = Chain((4, 4, 2)).mvau(4).thresholds()
    thresholds = c.ops[-1]
    assert isinstance(thresholds, Thresholding)
    thresholds.thresholds[0] = c.tensors[-2].hi + 1
    thresholds.thresholds[0, :value] = c.tensors[-2].lo
    if padded:
        c.pad()
    c.window().mvau(3)
    c.ops[-1].weights[:] |= 1  # every channel is read
    return c.thresholds().flatten().mvau(2).graph()


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("value", [0, 5])
def test_a_constant_goes_into_the_thresholds_unless_a_padding_interrupts_it(value: int, padded: bool) -> None:
    graph = constant_channel(value, padded)
    made = remove_channels(graph)
    compare(graph, made, Planted(0).frames(graph))
    gone = value == 0 or not padded
    assert columns(made.graph)["MVAU_0"] == (2, 4 - gone)
    assert columns(made.graph)["MVAU_1"] == (9 * (4 - gone), 3)
    assert ("MVAU_1_out" in made.shifts) == (gone and value > 0)


def test_a_removal_across_a_padding_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the zeros of the padding forgotten, the border differs, and the comparison says where."""
    right = constants._made
    monkeypatch.setattr(
        constants, "_made", lambda op, given, shape: given[0] if isinstance(op, FMPadding) else right(op, given, shape)
    )
    graph = constant_channel(5, padded=True)
    made = remove_channels(graph)
    with pytest.raises(VerificationFailed, match=r"minimize: MVAU_1: .* elements differ; the first is frame 0"):
        compare(graph, made, Planted(0).frames(graph))


def test_a_threshold_that_was_not_shifted_is_caught() -> None:
    graph = constant_channel(7, padded=False)
    made = remove_channels(graph)
    ops = tuple(
        replace(op, thresholds=graph.op("Thresholding_1").thresholds) if op.name == "Thresholding_1" else op
        for op in made.graph.ops
    )
    with pytest.raises(VerificationFailed, match=r"minimize: Thresholding_1: "):
        compare(graph, replace(made, graph=replace(made.graph, ops=ops)), Planted(0).frames(graph))


def test_what_nothing_reads_goes_back_to_the_first_layer() -> None:
    c = Chain((1, 1, 6)).mvau(5).thresholds().mvau(4).thresholds().mvau(3)
    first, second, third = (op.weights for op in c.ops if isinstance(op, Weighted))
    first[:], second[:], third[:] = 3, 2, 1
    third[1] = (
        0  # so nothing reads channel 1 of the second layer, the only one that reads channels 0 and 4 of the first
    )
    second[0, [0, 2, 3]] = second[4, [0, 2, 3]] = 0
    graph = c.graph()
    assert columns(remove_channels(graph).graph) == {"MVAU_0": (6, 3), "MVAU_1": (3, 3), "MVAU_2": (3, 3)}


def test_a_layer_that_is_all_zeros_keeps_one_channel() -> None:
    c = Chain((1, 1, 6)).mvau(5).thresholds().mvau(4).thresholds().mvau(3).thresholds()
    c.ops[2].weights[:] = 0
    graph = c.graph()
    made = remove_channels(graph)
    compare(graph, made, {"x": c.inputs(5)})
    assert columns(made.graph)["MVAU_1"][1] == columns(made.graph)["MVAU_0"][1] == 1


def dead_of_sixteen(dead: int) -> Graph:
    """A layer of 16 channels of which the next reads all but `dead`."""
    c = Chain((6, 6, 4), seed=3).pad().window().mvau(16).thresholds().window().mvau(12).thresholds().flatten().mvau(4)
    weights = c.ops[5].weights
    weights |= 1
    weights.reshape(9, 16, 12)[:, 16 - dead :] = 0
    return c.graph()


@pytest.mark.parametrize("target", [2000, 400, 150])
def test_the_number_that_stays_is_one_that_folds_well(target: int) -> None:
    graph, asked = dead_of_sixteen(3), Request({}, target)

    def price(g: Graph) -> tuple[int, float]:
        return folded_price(g, asked)

    made = remove_channels(graph, price)
    assert price(made.graph) <= min(price(graph), price(remove_channels(graph).graph))
    compare(graph, made, Planted(0).frames(graph))
    choose(made.graph, asked)


def test_an_odd_number_of_channels_is_not_worth_it() -> None:
    """13 channels are 1 or 13 lanes; 14 or 16 fold."""
    graph = dead_of_sixteen(3)
    found = {remove_channels(graph, lambda g, t=t: folded_price(g, Request({}, t))).graph["MVAU_0_out"].shape[2]
             for t in (2000, 1000, 700, 400, 200, 150)}  # fmt: skip
    assert len(found) > 1 and found <= {13, 14, 16}


@pytest.mark.parametrize(("pe", "left"), [(1, 10), (2, 10), (4, 12), (8, 16), (16, 16), (5, 10)])
def test_an_asked_folding_stays_legal(pe: int, left: int) -> None:
    """5 lanes are refused for 16 channels, as they are imported; 10 of them would do."""
    graph = dead_of_sixteen(6)
    layers = {"MVAU_0": LayerFolding(PE=pe, SIMD=4), "MVAU_1": LayerFolding(PE=2, SIMD=1),
              "MVAU_2": LayerFolding(PE=1, SIMD=4)}  # fmt: skip
    asked = Request(layers)
    made = remove_channels(graph, lambda g: folded_price(g, asked))
    assert made.graph["MVAU_0_out"].shape[2] == left
    assert choose(made.graph, asked)["MVAU_0"].pe == pe


def test_what_no_number_makes_legal_is_refused_as_before() -> None:
    graph = dead_of_sixteen(6)
    layers = {"MVAU_0": LayerFolding(PE=7, SIMD=4), "MVAU_1": LayerFolding(PE=2, SIMD=1),
              "MVAU_2": LayerFolding(PE=1, SIMD=4)}  # fmt: skip
    made = remove_channels(graph, lambda g: folded_price(g, Request(layers)))
    with pytest.raises(InfeasibleFolding, match="MVAU_0: PE = 7 does not divide MH"):
        choose(made.graph, Request(layers))


@pytest.mark.parametrize("seed", range(12))
def test_the_folding_file_of_a_build_gives_the_same_network_again(seed: int, tmp_path) -> None:
    graph, asked = Planted(seed).grown(), Request({}, 3000)
    first = remove_channels(graph, lambda g: folded_price(g, asked)).graph
    folding = choose(first, asked)
    path = tmp_path / "folding.json"
    path.write_text(to_finn_json(folding, first))
    again = Request(read_finn_json(path))
    second = remove_channels(graph, lambda g: folded_price(g, again)).graph
    assert folded_price(second, again)[0] == 0
    assert {n: (f.pe, f.simd) for n, f in choose(second, again).items()} == {
        n: (f.pe, f.simd) for n, f in folding.items()
    }


def test_channels_that_labels_are_chosen_from_stay() -> None:
    c = Chain((1, 1, 6)).mvau(5).thresholds().mvau(4).label()
    c.ops[2].weights[:, 1] = 0
    graph = c.graph()
    assert columns(remove_channels(graph).graph)["MVAU_1"][1] == 4
    known = Channels(graph)
    assert known.fixed[known.ties["MVAU_1_out"]].all() and known.fixed[known.ties["x"]].all()
