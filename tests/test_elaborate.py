"""Elaboration: instances, streams, converters and FIFOs of a design."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.accumulators import analyse
from flows.design import Fold
from flows.elaborate import DIRECT, READY_ENDS, elaborate, fifo_names, longest_ready_path, without
from flows.emit.rtl import emit, monitored
from flows.errors import UnsupportedModel
from flows.folding import Request, choose
from flows.kernels.registry import kernel_of
from tests.networks import Chain, small_cnn


def _design(graph, folding, policy="exact", depths=None):
    return elaborate(graph, folding, {n: w.implemented(policy) for n, w in analyse(graph).items()}, depths)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_streams_fit_together_for_any_legal_folding(data):
    graph = small_cnn().graph()
    folding = {}
    for op in graph.ops:
        if op.kind == "Flatten":
            continue
        legal = kernel_of(op).legal(graph, op)
        if op.kind == "Pool":
            legal = [f for f in legal if f.pe == folding["ConvolutionInputGenerator_1"].simd]
        folding[op.name] = data.draw(st.sampled_from(legal))
    design = _design(graph, folding)
    at = design.input
    for instance in design.instances:
        assert instance.input == at
        at = instance.output
        source, sink = design.streams[instance.input], design.streams[instance.output]
        assert source.beats * source.lanes == graph[source.tensor].elements
        assert sink.beats * sink.lanes == graph[sink.tensor].elements
        if instance.module == "fifo":
            assert (source.bits, source.beats) == (sink.bits, sink.beats)
    assert at == design.output
    order = [i.module for i in design.instances if i.module != "dwc"]
    layers = sum(bool(i.op) for i in design.instances)
    direct = sum(pair in DIRECT for pair in pairwise(order))
    assert order.count("fifo") == layers + 1 - direct and order[0] == order[-1] == "fifo"
    assert all((m == "fifo") != (n == "fifo") or (m, n) in DIRECT for m, n in pairwise(order))


def test_the_fifo_is_on_the_side_with_fewer_lanes_unless_it_feeds_bursts():
    graph = Chain((1, 1, 12)).mvau(6).thresholds().mvau(2).graph()
    for first, second, lanes in (
        (Fold(1, 2), Fold(2, 6), 1),
        (Fold(6, 2), Fold(2, 2), 2),
        (Fold(1, 2), Fold(1, 6), 6),
        (Fold(6, 2), Fold(1, 2), 2),
    ):
        design = _design(graph, {"MVAU_0": first, "Thresholding_0": Fold(first.pe, 1), "MVAU_1": second})
        fifo = fifo_names(design)["MVAU_1"][0]
        assert design.streams[design.instance(fifo).input].lanes == lanes


def test_an_odd_ratio_goes_through_the_common_multiple():
    graph = Chain((1, 1, 12)).mvau(6).thresholds().mvau(2).graph()
    folding = {"MVAU_0": Fold(2, 4), "Thresholding_0": Fold(2, 1), "MVAU_1": Fold(1, 3)}
    design = _design(graph, folding)
    lanes = [design.streams[i.output].lanes for i in design.instances if i.module == "dwc"]
    assert lanes == [6, 3]


def test_a_tensor_that_nothing_reads_is_refused():
    graph = Chain((1, 1, 12)).mvau(6).thresholds().graph()
    folding = {"MVAU_0": Fold(2, 4), "Thresholding_0": Fold(2, 1)}
    idle = replace(graph.op("Thresholding_0"), name="Thresholding_1", outputs=("idle",))
    tensors = {**graph.tensors, "idle": replace(graph[graph.outputs[0]], name="idle")}
    wrong = replace(graph, ops=(*graph.ops, idle), tensors=tensors)
    wrong.validate()
    with pytest.raises(UnsupportedModel, match=r"nothing reads the output 'idle' of Thresholding_1 \(Thresholding\)"):
        _design(wrong, {**folding, "Thresholding_1": Fold(2, 1)})


def test_policies_change_widths_and_nothing_else():
    graph = small_cnn().graph()
    folding = choose(graph, Request({}, 324))
    exact, wide = _design(graph, folding), _design(graph, folding, "fixed-32")
    assert [i.name for i in exact.instances] == [i.name for i in wide.instances]
    assert wide.instance("MVAU_0").lane_bits == (32,) * folding["MVAU_0"].pe
    assert max(exact.instance("MVAU_0").lane_bits) < 32
    assert exact.bound == wide.bound
    files = {name: (a, b) for (name, a), b in zip(emit(exact).items(), emit(wide).values(), strict=True)}
    changed = {str(name) for name, (a, b) in files.items() if a != b}
    assert {"MVAU_0.sv", "MVAU_1.sv", "accelerator.sv"} <= changed
    assert not {"FMPadding_0.sv", "fifo.sv", "MVAU_0_weights.hex"} & changed


def test_depths_reach_the_fifos_and_their_names_follow_the_layers():
    graph = small_cnn().graph()
    folding = choose(graph, Request({}, 324))
    name = fifo_names(_design(graph, folding))["MVAU_0"][0]
    design = _design(graph, folding, depths={name: 17})
    assert design.instance(name).params["DEPTH"] == 17
    assert {i.params["DEPTH"] for i in design.instances if i.module == "fifo" and i.name != name} == {2}


def test_a_fifo_of_no_depth_is_left_out():
    graph = small_cnn().graph()
    folding = choose(graph, Request({}, 324))
    whole = _design(graph, folding)
    names = [i.name for i in whole.instances if i.module == "fifo"][1:-1]
    for dropped in (names[:1], names[1:3], names):
        design = _design(graph, folding, depths=dict.fromkeys(dropped, 0))
        assert {i.name for i in whole.instances} - {i.name for i in design.instances} == set(dropped)
        assert emit(design) == emit(without(whole, dropped))


def test_the_longest_ready_path_ends_at_registers():
    graph = small_cnn().graph()
    folding = choose(graph, Request({}, 324))
    whole = _design(graph, folding)
    # A width converter stands beside its reader or its writer, all others between FIFOs.
    assert longest_ready_path(whole) == 2 if any(i.module == "dwc" for i in whole.instances) else 1
    bare = without(whole, [i.name for i in whole.instances if i.module == "fifo"])
    longest = current = 0
    for instance in bare.instances:
        current = 0 if instance.module in READY_ENDS else current + 1
        longest = max(longest, current)
    assert longest_ready_path(bare) == longest > 2


def test_emission_is_deterministic_and_complete():
    graph = small_cnn().graph()
    design = _design(graph, choose(graph, Request({}, 324)))
    files = emit(design)
    assert files == emit(design)
    names = {str(n) for n in files}
    assert {"accelerator.sv", "tlastmarker.sv", "mvau.sv", "swg.sv", "design.json"} <= names
    assert {f"{i.name}.sv" for i in design.instances} <= names
    assert len(monitored(design)) == len(design.instances) + 1
