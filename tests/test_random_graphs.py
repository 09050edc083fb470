"""Small random networks with branches: golden = RTL on every stream under random stalls, and nothing stands still."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from flows.errors import VerificationFailed
from flows.fifos import FRAMES, tolerance
from flows.golden import evaluate
from flows.graph import Graph, Op
from flows.kernels.registry import STEMS
from flows.simulate.cosim import require_equal_streams
from tests.many import Many, Part
from tests.random_graphs import MOST_OPERATORS, Network, network, networks

OPERATORS = {*STEMS, "Flatten"}
BATCH = 20
"""Networks in one model."""
STALLS = ((0.3, 0.3), (0.0, 0.8), (0.8, 0.0))
"""Probabilities of a stall per cycle, at the source and at the sink."""


def check(numbers: range, folder: Path) -> None:
    drawn = [network(number) for number in numbers]
    many = Many(drawn, folder)
    sizings = many.size()
    golden = [evaluate(n.graph, {"x": n.frames}) for n in drawn]
    for n, design, sizing in zip(drawn, many.designs, sizings, strict=True):
        bound, _ = design.bound
        assert sizing.interval_cycles <= bound + tolerance(bound), str(n)
    for seed, stall in enumerate(STALLS, start=1):
        runs = many.run([Part(FRAMES, s.depths) for s in sizings], stall=stall, seed=seed, capture=True)
        for n, design, values, run in zip(drawn, many.designs, golden, runs, strict=True):
            try:
                require_equal_streams(design, run, n.graph, values, FRAMES, f"stalls {stall}")
            except VerificationFailed as error:
                pytest.fail(f"{error}\n{n}", pytrace=False)


def test_random_networks(tmp_path: Path) -> None:
    check(range(BATCH), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(1, 11))
def test_many_random_networks(batch: int, tmp_path: Path) -> None:
    check(range(batch * BATCH, (batch + 1) * BATCH), tmp_path)


@settings(max_examples=100, deadline=None)
@given(networks())
def test_streams_carry_their_tensors_and_values_stay_in_their_ranges(n: Network) -> None:
    design = n.design()
    for stream in design.streams.values():
        assert stream.beats * stream.lanes == n.graph[stream.tensor].elements
    for name, values in evaluate(n.graph, {"x": n.frames}).items():
        t = n.graph[name]
        assert values.shape[1:] == t.shape and t.lo <= values.min() and values.max() <= t.hi


def test_the_numbered_networks_are_what_they_should_be() -> None:
    drawn = [network(number) for number in range(11 * BATCH)]
    assert all(2 <= len(n.graph.ops) <= MOST_OPERATORS for n in drawn)
    kinds = {op.kind for n in drawn[:BATCH] for op in n.graph.ops}
    assert kinds == OPERATORS, f"the first {BATCH} lack {OPERATORS - kinds}"
    modules = {i.module for n in drawn[:BATCH] for i in n.design().instances}
    assert {"swg", "swg_parallel", "pool", "pool_parallel", "vvau"} <= modules
    assert any(f.simd > 1 and n.graph.op(name).kind == "VVAU" for n in drawn[:BATCH] for name, f in n.folding.items())
    reads = [max(_reads(n.graph, t) for t in n.graph.tensors) for n in drawn]
    assert np.mean(np.array(reads) >= 2) > 0.5 and max(reads[:BATCH]) >= 3
    assert any(_bare_skip(n.graph, op) for n in drawn[:BATCH] for op in n.graph.ops)
    again = network(7)
    assert str(again) == str(drawn[7]) and np.array_equal(again.frames, drawn[7].frames)


def _reads(graph: Graph, tensor: str) -> int:
    return sum(op.inputs.count(tensor) for op in graph.ops)


def _bare_skip(graph: Graph, join: Op) -> bool:
    """Whether a join reads what another operator before it reads too."""
    return len(join.inputs) == 2 and any(_reads(graph, t) > 1 and len(set(join.inputs)) == 2 for t in join.inputs)
