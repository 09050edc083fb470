"""The cycle model against the RTL: every cycle, count and occupancy equal, at full speed and under the same stalls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from flows.accumulators import analyse
from flows.config import LayerFolding
from flows.cycles import Model, Timing
from flows.cycles.instances import MODULES
from flows.design import Design
from flows.elaborate import elaborate
from flows.emit.rtl import emit, monitored
from flows.errors import UnsupportedModel
from flows.fifos import roomy, size
from flows.folding import Request, choose
from flows.graph import MVAU
from flows.simulate import cosim
from flows.simulate.bench import RTL
from flows.simulate.job import Run, Throttle
from tests import branches
from tests.many import Many, Part
from tests.networks import small_cnn
from tests.random_graphs import network

BATCH = 20
FRAMES = 8
RUNS: tuple[tuple[tuple[float, float], bool, bool], ...] = (
    ((0.0, 0.0), False, False), ((0.3, 0.3), False, False), ((0.0, 0.8), True, False), ((0.8, 0.0), True, False),
    ((0.0, 0.0), True, False), ((0.0, 0.0), False, True),
)  # fmt: skip
"""Probabilities of a stall at the source and the sink; whether the FIFOs are as shallow as they can be; whether the
input comes at the steady rate."""


def differences(design: Design, run: Run, timing: Timing, complete: bool) -> list[str]:
    """What a simulation and the model of it do not agree on. `complete`: both ran for as long, so counts compare."""
    found = []
    if timing.deadlock != run.deadlock:
        return [f"deadlock: RTL {run.deadlock}, model {timing.deadlock}"]
    for what, seen, expected in (
        ("first input beats", timing.first_in, run.sources[0].first),
        ("last output beats", timing.last_out, run.sinks[0].last),
    ):
        given = seen[seen >= 0]
        if not np.array_equal(given, expected):
            found.append(f"{what}: RTL {expected.tolist()}, model {given.tolist()}")
    for name, peak in timing.peaks.items():
        rtl = run.fifo_peaks[int(design.instance(name).params["SIM_ID"])]
        if complete and rtl != peak:
            found.append(f"{name}: RTL held {rtl}, model {peak}")
    for number, stream in enumerate(monitored(design), start=1):
        monitor, counts = run.monitors[number], timing.streams[stream.name]
        rtl_counts = (monitor.beats, monitor.stalls, monitor.starves)
        if complete and rtl_counts != (counts.beats, counts.stalls, counts.starves):
            found.append(f"{stream.name}: RTL {rtl_counts}, model {counts}")
    return found


def shallow(design: Design) -> Mapping[str, int]:
    return {i.name: 2 for i in design.instances if i.module == "fifo"}


def check(numbers: range, folder: Path) -> set[str]:
    """Compares `numbers` random networks; returns the modules that were in them."""
    many = Many([network(number) for number in numbers], folder)
    models = [Model(design) for design in many.designs]
    for seed, (stall, low, steady) in enumerate(RUNS, start=1):
        limits = [shallow(design) if low else {} for design in many.designs]
        parts = [
            Part(FRAMES, limit, design.bound[0] if steady else None)
            for limit, design in zip(limits, many.designs, strict=True)
        ]
        runs = many.run(parts, stall=stall, seed=seed)
        for number, (design, model, limit, run) in enumerate(zip(many.designs, models, limits, runs, strict=True)):
            # In a run of many, each has a source, and so a row of random numbers, of its own.
            throttle = Throttle(design.bound[0]) if steady else None
            timing = model.run(FRAMES, limits=limit, throttle=throttle, stall=stall, seed=seed, port=number)
            found = differences(design, run, timing, complete=False)
            assert not found, f"{numbers[number]}, stalls {stall}: {found}\n{many.networks[number]}"
            if not run.deadlock and stall == (0.0, 0.0):
                assert timing.interval_cycles == cosim.speed(run).interval_cycles
                assert timing.latency_cycles == cosim.speed(run).latency_cycles
    return {i.module for design in many.designs for i in design.instances}


def test_random_networks(tmp_path: Path) -> None:
    there = {path.stem for path in RTL.glob("*.sv")}
    assert check(range(BATCH), tmp_path) == (MODULES.keys() & there) - {"mvau_const", "thresholding_const"}


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(1, 6))
def test_a_hundred_more_random_networks(batch: int, tmp_path: Path) -> None:
    check(range(batch * BATCH, (batch + 1) * BATCH), tmp_path)


def test_one_network_alone_with_every_count_and_occupancy(tmp_path: Path) -> None:
    net = branches.three()
    design = net.design(roomy(net.design()))
    model, stitched = Model(design), cosim.Stitched(design, emit(design), tmp_path)
    sized = size(net.design, {}).depths
    for seed, (limits, stall) in enumerate((({}, 0.0), (sized, 0.0), (sized, 0.4)), start=1):
        run = stitched.run(net.frames, FRAMES, f"run{seed}", limits=limits, stall=stall, seed=seed)
        timing = model.run(FRAMES, limits=limits, stall=(stall, stall), seed=seed + 1)
        assert not differences(design, run, timing, complete=True) and timing.cycles == run.cycles


@pytest.mark.parametrize("module", ["mvau_const", "mvau_sparse", "mvau_dsp"])
def test_weights_as_logic_zeros_that_are_skipped_and_dsps(module: str, tmp_path: Path) -> None:
    """A convolution with one weight in nine, fully unrolled with its thresholds, or folded."""
    chain = small_cnn(3)
    graph = chain.graph()
    conv = graph.op("MVAU_0")
    assert isinstance(conv, MVAU)
    thin = replace(conv, weights=conv.weights * (np.arange(conv.weights.size).reshape(conv.weights.shape) % 9 == 0))
    graph = replace(graph, ops=tuple(thin if op is conv else op for op in graph.ops))
    if module == "mvau_const":
        asked = {"MVAU_0": LayerFolding(PE=conv.mh, SIMD=conv.mw), "Thresholding_0": LayerFolding(PE=conv.mh)}
    elif module == "mvau_dsp":
        asked = {"MVAU_0": LayerFolding(PE=2, SIMD=9, resType="dsp"), "MVAU_1": LayerFolding(impl="dsp")}
    else:
        asked = {"MVAU_0": LayerFolding(PE=1, SIMD=2, impl="sparse")}
    folding = choose(graph, Request(asked, 1000))
    widths = {name: w.implemented("exact") for name, w in analyse(graph).items()}
    design = elaborate(graph, folding, widths, roomy(elaborate(graph, folding, widths)))
    assert module in {i.module for i in design.instances}
    model, stitched = Model(design), cosim.Stitched(design, emit(design), tmp_path)
    for seed, stall in enumerate((0.0, 0.4), start=1):
        run = stitched.run(chain.inputs(FRAMES), FRAMES, f"run{seed}", stall=stall, seed=seed)
        timing = model.run(FRAMES, stall=(stall, stall), seed=seed + 1)
        assert not differences(design, run, timing, complete=True) and timing.cycles == run.cycles


def test_a_standstill_is_seen_at_once_and_a_module_without_a_model_is_named() -> None:
    net = branches.residual()
    design = net.design()
    timing = Model(design).run(FRAMES)
    assert timing.deadlock and timing.cycles < 1000 and timing.last_out[-1] == -1
    assert timing.interval_cycles == float("inf")
    odd = replace(design, instances=(replace(design.instances[0], module="sorter"), *design.instances[1:]))
    with pytest.raises(UnsupportedModel, match=f"{design.instances[0].name}: the module sorter has no cycle model"):
        Model(odd)


def test_spans_say_when_each_frame_passes_each_stream() -> None:
    net = branches.chain()
    design = net.design()
    timing = Model(design).run(FRAMES, spans=True)
    for stream in (design.input, design.output):
        assert timing.spans[stream].shape == (FRAMES, 2)
    assert np.array_equal(timing.spans[design.input][:, 0], timing.first_in)
    assert np.array_equal(timing.spans[design.output][:, 1], timing.last_out)
    for spans in timing.spans.values():
        assert np.all(spans[:, 0] <= spans[:, 1]) and np.all(np.diff(spans[:, 1]) > 0)
