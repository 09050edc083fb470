"""Cosimulation of a small network, its FIFO sizing and speed, without training."""

from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest

from flows import fifos
from flows.accumulators import analyse
from flows.config import LayerFolding
from flows.elaborate import elaborate
from flows.emit.rtl import emit
from flows.errors import VerificationFailed
from flows.fifos import roomy
from flows.folding import Request, choose
from flows.golden import evaluate
from flows.simulate import cosim
from tests.branches import chain, grower
from tests.branches import network as branching
from tests.networks import Chain, small_cnn

# "pixel" takes one of the padded map a clock cycle: a whole window in a beat.
NETWORKS = {
    "cnn": (small_cnn(3), 324),
    "pixel": (small_cnn(3), 64),
    "dense": (Chain((1, 1, 24), seed=1).mvau(12).thresholds(3).mvau(8).thresholds(2).mvau(4), 40),
    "strided": (Chain((7, 7, 3), bits=8, seed=2).window(3, 2).mvau(6).thresholds(4).window(2, 1).mvau(4), 300),
}


@pytest.fixture(params=NETWORKS)
def network(request):
    chain, target = NETWORKS[request.param]
    graph = chain.graph(request.param)
    folding = choose(graph, Request({}, target))
    widths = {n: w.implemented("exact") for n, w in analyse(graph).items()}
    return graph, chain.inputs(10), lambda depths: elaborate(graph, folding, widths, depths)


def test_layers_and_stitched_equal_golden_and_the_rate_is_the_bound(network, tmp_path):
    graph, x, elaborated = network
    sizing = fifos.size(elaborated, {})
    design = elaborated(sizing.entries)
    if graph.name == "cnn":
        assert 1 in sizing.depths.values() and sizing.rings, "nothing was left to save; the test shows nothing"
    rtl, golden = emit(design), evaluate(graph, {"x": x})
    layers = cosim.verify_layers(design, graph, golden, rtl, tmp_path / "layers", frames=10, seed=1)
    assert layers["mismatches"] == 0 and len(layers["layers"]) == sum(bool(i.op) for i in design.instances)
    assert ("swg_parallel" in {i.module for i in design.instances}) == (graph.name == "pixel")
    result, run = cosim.verify_stitched(design, graph, golden, rtl, tmp_path / "stitched", frames=10, seed=1)
    assert (result["frames"], result["mismatches"]) == (10, 0)
    speed, (bound, _) = cosim.speed(run), design.bound
    assert bound <= speed.interval_cycles <= bound + fifos.tolerance(bound)
    assert (speed.interval_cycles, speed.latency_cycles) == (sizing.interval_cycles, sizing.latency_cycles)


def test_fixed_depths_are_kept():
    chain, target = NETWORKS["dense"]
    graph = chain.graph()
    folding = choose(graph, Request({}, target))
    widths = {n: w.implemented("exact") for n, w in analyse(graph).items()}
    sizing = fifos.size(lambda d: elaborate(graph, folding, widths, d), {"StreamingFIFO_1": 33})
    assert sizing.depths["StreamingFIFO_1"] == 33


def test_rows_that_no_window_reads_may_still_be_on_their_way(tmp_path):
    """Of 11 rows every fourth is read: the last two come after everything has gone out."""
    g = grower(11, 8, 8)
    net = branching(g, g.thresholding(g.window("x", (1, 1), (4, 4), (1, 1), False)))
    design = net.design(roomy(net.design()))
    golden = evaluate(net.graph, {"x": net.frames})
    result, _ = cosim.verify_stitched(design, net.graph, golden, emit(design), tmp_path, frames=4, seed=1)
    assert result["mismatches"] == 0


def test_a_wrong_inner_value_is_named_even_where_the_output_is_right(network, tmp_path):
    graph, x, elaborated = network
    design = elaborated({})
    golden = evaluate(graph, {"x": x})
    op = graph.ops[-2]
    golden[op.outputs[0]] = golden[op.outputs[0]].copy()
    golden[op.outputs[0]][4].flat[0] += 1
    with pytest.raises(VerificationFailed, match=rf"{op.name}: .*frame 4, index \(0, 0, 0\)"):
        cosim.verify_stitched(design, graph, golden, emit(design), tmp_path, frames=10, seed=1)


@pytest.mark.parametrize("fault", ["none", "weight", "accumulator"])
def test_faults_of_a_layer_with_dsps_are_named_with_the_layer_and_the_first_element(fault, tmp_path):
    """One bit of one weight in its memory; its accumulators three bits short."""
    source, target = NETWORKS["dense"]
    graph = source.graph()
    folding = choose(graph, Request({"MVAU_1": LayerFolding(resType="dsp")}, target))
    widths = {n: w.implemented("exact") for n, w in analyse(graph).items()}
    if fault == "accumulator":
        widths["MVAU_1"] = tuple(bits - 3 for bits in widths["MVAU_1"])
    design = elaborate(graph, folding, widths)
    layer = design.instance("MVAU_1")
    assert layer.module == "mvau_dsp"
    rtl, golden = dict(emit(design)), evaluate(graph, {"x": source.inputs(10)})
    (path,) = (p for p in rtl if p.name == layer.memories[0].name)
    if fault == "weight":
        first, *others = str(rtl[path]).splitlines()
        rtl[path] = "\n".join([f"{int(first, 16) ^ 2:0{len(first)}x}", *others]) + "\n"
    named = pytest.raises(VerificationFailed, match=r"MVAU_1: .*frame \d+, index \(0, 0, \d+\)")
    with nullcontext() if fault == "none" else named:
        cosim.verify_stitched(design, graph, golden, rtl, tmp_path, frames=10, seed=1)


def test_a_design_that_does_not_keep_up_with_its_input_is_named():
    design = chain().design()
    bound, slowest = design.bound
    for interval, kept in ((bound, True), (bound + 8, True), (bound + 12, False)):
        last = np.arange(1, 7) * interval
        run = SimpleNamespace(
            sinks=[SimpleNamespace(last=last)], sources=[SimpleNamespace(first=np.zeros(6, dtype=np.int64))], log="log"
        )
        with nullcontext() if kept else pytest.raises(VerificationFailed, match=rf"{bound} cycles .* {slowest} needs"):
            cosim._require_steady(design, run, float(bound))
