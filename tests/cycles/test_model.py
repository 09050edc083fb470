"""The cycle model against the RTL: every cycle, count and occupancy equal, at full speed and under the same stalls."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from flows.cycles import Model, Timing
from flows.cycles.instances import MODULES
from flows.design import Design
from flows.emit.rtl import monitored
from flows.simulate.job import Run
from tests.many import Many, Part
from tests.random_graphs import network

BATCH = 20
FRAMES = 8
RUNS: tuple[tuple[tuple[float, float], bool], ...] = (
    ((0.0, 0.0), False), ((0.3, 0.3), False), ((0.0, 0.8), True), ((0.8, 0.0), True), ((0.0, 0.0), True),
)  # fmt: skip
"""Probabilities of a stall at the source and the sink; whether the FIFOs are as shallow as they can be."""


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
    for seed, (stall, low) in enumerate(RUNS, start=1):
        limits = [shallow(design) if low else {} for design in many.designs]
        runs = many.run([Part(FRAMES, limit) for limit in limits], stall=stall, seed=seed)
        for number, (design, model, limit, run) in enumerate(zip(many.designs, models, limits, runs, strict=True)):
            # In a run of many, each has a source, and so a row of random numbers, of its own.
            timing = model.run(FRAMES, limits=limit, stall=stall, seed=seed, port=number)
            found = differences(design, run, timing, complete=False)
            assert not found, f"{numbers[number]}, stalls {stall}: {found}\n{many.networks[number]}"
    return {i.module for design in many.designs for i in design.instances}


def test_random_networks(tmp_path: Path) -> None:
    assert check(range(BATCH), tmp_path) == MODULES.keys()
