"""Folding: what is chosen, what is honoured, what is refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from flows.config import LayerFolding
from flows.design import Fold
from flows.errors import ConfigError, InfeasibleFolding
from flows.folding import Request, choose, cycles, read_finn_json, request, to_finn_json
from tests.networks import Chain, small_cnn

GRAPH = small_cnn().graph()


def test_a_target_is_met_by_every_layer_with_the_least_parallelism():
    for target in (5000, 700, 324):
        folding = choose(GRAPH, Request({}, target))
        for op in GRAPH.ops:
            if op.name not in folding:
                continue
            fold = folding[op.name]
            assert cycles(GRAPH, op, fold) <= target
    slow, fast = choose(GRAPH, Request({}, 5000)), choose(GRAPH, Request({}, 324))
    assert slow["MVAU_0"] == Fold(1, 1)
    assert fast["MVAU_0"].pe * fast["MVAU_0"].simd >= 8


def test_an_unreachable_target_names_the_layer():
    with pytest.raises(InfeasibleFolding, match=r"FMPadding_0 .* needs 64 cycles .* more than the 50"):
        choose(GRAPH, Request({}, 50))


def test_named_layers_get_what_was_asked_and_the_rest_keeps_up():
    asked = {"MVAU_0": LayerFolding(PE=2, SIMD=3), "MVAU_1": LayerFolding(PE=1, SIMD=4, ram_style="block")}
    folding = choose(GRAPH, Request(asked))
    assert (folding["MVAU_0"].pe, folding["MVAU_0"].simd) == (2, 3)
    assert folding["MVAU_1"] == Fold(1, 4, ram_style="block")
    slowest = cycles(GRAPH, GRAPH.op("MVAU_0"), folding["MVAU_0"])
    assert all(cycles(GRAPH, GRAPH.op(n), f) <= slowest for n, f in folding.items())


@pytest.mark.parametrize(
    "layers, error, message",
    [
        ({"MVAU_0": LayerFolding(PE=3, SIMD=1)}, InfeasibleFolding, "MVAU_0: PE = 3 does not divide"),
        ({"MVAU_7": LayerFolding(PE=1)}, ConfigError, "no layer 'MVAU_7' in this network; did you mean"),
        ({"MVAU_0": LayerFolding(PE=1, SIMD=1)}, ConfigError, "nothing is said about MVAU_1"),
        ({"ConvolutionInputGenerator_1": LayerFolding(parallel_window=2), "MVAU_0": LayerFolding(PE=1, SIMD=1),
          "MVAU_1": LayerFolding(PE=1, SIMD=1)}, ConfigError, "parallel_window = 2 is not supported"),
        ({"Thresholding_0": LayerFolding(impl="sparse"), "MVAU_0": LayerFolding(PE=1, SIMD=1),
          "MVAU_1": LayerFolding(PE=1, SIMD=1)}, ConfigError, r"Thresholding_0 .*no impl = 'sparse'; supported: auto"),
        ({"MVAU_0": LayerFolding(parallel_window=1)}, ConfigError, r"MVAU_0 \(MVAU\) has no parallel_window"),
        ({"Thresholding_0": LayerFolding(PE=2, SIMD=2)}, ConfigError, "has no SIMD"),
        ({"MVAU_0": LayerFolding(PE=1, SIMD=1, mem_mode="external"), "MVAU_1": LayerFolding(PE=1, SIMD=1)},
         ConfigError, "mem_mode = 'external' is not supported"),
        ({"MVAU_0": LayerFolding(PE=1, SIMD=1, resType="bram"), "MVAU_1": LayerFolding(PE=1, SIMD=1)},
         ConfigError, "resType = 'bram' is not supported; supported: auto, lut, dsp"),
        ({"Thresholding_0": LayerFolding(resType="dsp"), "MVAU_0": LayerFolding(PE=1, SIMD=1),
          "MVAU_1": LayerFolding(PE=1, SIMD=1)}, ConfigError, r"Thresholding_0 .*no resType = 'dsp'.* an MVAU has it"),
        ({"MVAU_0": LayerFolding(PE=1, SIMD=1, resType="dsp", impl="folded"), "MVAU_1": LayerFolding(PE=1, SIMD=1)},
         ConfigError, "MVAU_0: resType = 'dsp' and impl = 'folded' contradict each other"),
        ({"MVAU_0": LayerFolding(PE=1, SIMD=1, resType="lut", impl="dsp"), "MVAU_1": LayerFolding(PE=1, SIMD=1)},
         ConfigError, "MVAU_0: resType = 'lut' and impl = 'dsp' contradict each other"),
        ({"MVAU_0": LayerFolding(PE=1, SIMD=1, ram_style="ultra"), "MVAU_1": LayerFolding(PE=1, SIMD=1)},
         ConfigError, "ram_style"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused(layers, error, message):
    with pytest.raises(error, match=message):
        choose(GRAPH, Request(layers))


def test_a_pool_has_the_lanes_of_its_window():
    with pytest.raises(InfeasibleFolding, match="must equal SIMD = 4"):
        choose(GRAPH, Request({"Pool_0": LayerFolding(PE=1), "ConvolutionInputGenerator_1": LayerFolding(SIMD=4)}, 500))


def test_a_parallel_window_is_all_channels_and_its_layer_takes_it_whole(tmp_path):
    asked = {
        "ConvolutionInputGenerator_0": LayerFolding(parallel_window=1),
        "ConvolutionInputGenerator_1": LayerFolding(parallel_window=1, SIMD=2),
        "Pool_0": LayerFolding(PE=2, SIMD=4),
    }
    folding = choose(GRAPH, Request(asked, 324))
    first, second = (folding[f"ConvolutionInputGenerator_{n}"] for n in range(2))
    assert first == Fold(1, GRAPH[GRAPH.op("ConvolutionInputGenerator_0").inputs[0]].shape[2], parallel_window=True)
    assert second == Fold(1, 2, parallel_window=True) and folding["Pool_0"] == Fold(2, 4)
    path = tmp_path / "folding.json"
    path.write_text(to_finn_json(folding, GRAPH))
    assert json.loads(path.read_text())["ConvolutionInputGenerator_0"]["parallel_window"] == 1
    assert choose(GRAPH, Request(read_finn_json(path))) == folding


def test_a_window_is_parallel_only_where_the_rate_asks_for_it():
    window = "ConvolutionInputGenerator_0"
    op = GRAPH.op(window)
    slow, fast = (choose(GRAPH, Request({}, target))[window] for target in (324, 300))
    assert not slow.parallel_window and fast.parallel_window
    assert cycles(GRAPH, op, replace(fast, parallel_window=False)) > 300 >= cycles(GRAPH, op, fast)
    with pytest.raises(InfeasibleFolding, match=f"{window} .* needs 324 cycles"):
        choose(GRAPH, Request({window: LayerFolding(parallel_window=0)}, 300))


def test_finns_json_round_trip(tmp_path):
    folding = choose(GRAPH, Request({}, 324))
    path = tmp_path / "folding.json"
    depths = {op.name: (2, 8) for op in GRAPH.ops}
    path.write_text(to_finn_json(folding, GRAPH, depths))
    again = read_finn_json(path)
    assert again["MVAU_0"].inFIFODepths == (2,) and again["MVAU_0"].outFIFODepths == (8,)
    assert choose(GRAPH, Request(again)) == folding


def test_dsps_are_taken_where_they_are_asked_for_by_either_name_and_written_as_finn_does(tmp_path):
    """Named with lanes or left to the search; never by itself."""
    finn, ours = LayerFolding(PE=2, SIMD=3, resType="dsp"), LayerFolding(PE=2, SIMD=3, impl="dsp")
    folding, same = (
        choose(GRAPH, Request({"MVAU_0": one, "MVAU_1": LayerFolding(PE=1, SIMD=1)})) for one in (finn, ours)
    )
    assert folding == same and folding["MVAU_0"] == Fold(2, 3, impl="dsp") and folding["MVAU_1"].impl != "dsp"
    path = tmp_path / "folding.json"
    path.write_text(to_finn_json(folding, GRAPH))
    written = json.loads(path.read_text())
    assert (written["MVAU_0"]["resType"], written["MVAU_1"]["resType"]) == ("dsp", "lut")
    assert choose(GRAPH, Request(read_finn_json(path))) == folding
    free = choose(GRAPH, Request({"MVAU_0": LayerFolding(resType="dsp")}, 324))
    assert free["MVAU_0"].impl == "dsp" and cycles(GRAPH, GRAPH.op("MVAU_0"), free["MVAU_0"]) <= 324
    assert all(fold.impl != "dsp" for name, fold in free.items() if name != "MVAU_0")


@pytest.mark.parametrize(
    "text, message",
    [
        ("{", "Expecting"),
        ("[]", "expected"),
        ('{"Defaults": {"PE": ["all", 2]}}', "Defaults"),
        ('{"MVAU_0": {"SMID": 2}}', "MVAU_0.SMID.*did you mean 'SIMD'"),
        ('{"MVAU_0": {"PE": 0}}', "MVAU_0.PE"),
    ],
)
def test_a_broken_folding_file_is_explained(tmp_path, text, message):
    path = tmp_path / "folding.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        request({}, path, None, 10.0)


def test_a_missing_folding_file_and_an_absurd_rate():
    with pytest.raises(ConfigError, match="no file"):
        request({}, Path("none.json"), None, 10.0)
    with pytest.raises(InfeasibleFolding, match="more than one frame a clock cycle"):
        request({}, None, 200_000_000, 10.0)


def test_inline_layers_win_over_the_file(tmp_path):
    path = tmp_path / "folding.json"
    path.write_text(json.dumps({"MVAU_0": {"PE": 1, "SIMD": 1}}))
    merged = request({"MVAU_0": LayerFolding(PE=4, SIMD=9)}, path, None, 10.0)
    assert merged.layers["MVAU_0"].PE == 4


def test_what_is_fully_unrolled_becomes_logic_and_zeros_are_skipped_where_that_saves_lanes():
    graph = small_cnn().graph()
    conv = graph.op("MVAU_0")
    whole = LayerFolding(PE=conv.mh, SIMD=conv.mw)
    fast = choose(graph, Request({"MVAU_0": whole, "MVAU_1": LayerFolding(PE=1, SIMD=1)}, 400, clock_ns=5.0))
    assert (fast["MVAU_0"].impl, fast["MVAU_0"].levels) == ("const", 2)
    asked = {"MVAU_0": LayerFolding(PE=conv.mh, SIMD=conv.mw, impl="folded"), "MVAU_1": LayerFolding(impl="const")}
    kept = choose(graph, Request(asked, 400))
    assert kept["MVAU_0"].impl == "folded" and kept["MVAU_1"].impl == "const"
    graph = Chain((1, 1, 48), bits=8, seed=3).mvau(12, 6).graph()
    sparse = _without_most_weights(graph)
    lanes = {}
    for name, given in (("dense", graph), ("sparse", sparse), ("forced", sparse)):
        keys = {"MVAU_0": LayerFolding(impl="folded")} if name == "forced" else {}
        fold = choose(given, Request(keys, 80, skip_zeros=True))["MVAU_0"]
        lanes[name] = fold.pe * fold.simd
        assert (fold.impl == "sparse") == (name == "sparse")
        assert cycles(given, given.op("MVAU_0"), fold) <= 80
    assert lanes["sparse"] < lanes["dense"] == lanes["forced"]
    assert all(fold.impl != "sparse" for fold in choose(sparse, Request({}, 80)).values()), "not asked for"


def test_a_layer_of_few_weights_is_logic_where_three_lanes_would_do():
    """Its few adders cost less; with all of its weights they do not."""
    graph = small_cnn().graph()
    sparse = _without_most_weights(graph)
    assert choose(sparse, Request({}, 1000))["MVAU_0"].impl == "const"
    assert choose(graph, Request({}, 1000))["MVAU_0"].impl == "auto"
    assert choose(sparse, Request({"MVAU_0": LayerFolding(impl="folded")}, 1000))["MVAU_0"].impl == "folded"
    assert choose(sparse, Request({}, 1000), logic=False)["MVAU_0"].impl == "auto"


def _without_most_weights(graph):
    """The graph with one weight in nine of its first MVAU."""
    op = graph.op("MVAU_0")
    keep = np.arange(op.weights.size).reshape(op.weights.shape) % 9 == 0
    ops = tuple(replace(o, weights=o.weights * keep) if o is op else o for o in graph.ops)
    return replace(graph, ops=ops)
