"""LUTs of adder graphs: by hand where that is easy, against Yosys where it is not."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.adder_graphs import core_job
from flows.adders.cost import adder_luts, flip_flops, luts
from flows.adders.graph import AdderGraph, Kind, Node, Term
from flows.adders.pipeline import pipelined
from flows.adders.search import adder_graph
from flows.graph import IntType
from flows.synthesize.yosys import synthesize

U4, U8, S5 = IntType(4, False), IntType(8, False), IntType(5, True)


@pytest.mark.parametrize(
    ("subtract", "left", "left_shift", "right", "right_shift", "bits", "expected"),
    [
        (False, U4, 0, U4, 0, 5, 4),  # the fifth bit is the carry
        (False, U4, 0, U8, 0, 9, 4),  # where one has no bit, the other goes to the chain
        (False, U4, 0, U4, 3, 8, 1),  # only bit 3 is in both
        (False, S5, 0, S5, 0, 6, 5),  # both signs again are the function of bit 4
        (False, U4, 0, S5, 0, 6, 4),
        (False, S5, 0, U8, 0, 9, 8),  # the sign reaches up to the top
        (True, U4, 0, U4, 0, 5, 4),
        (True, U8, 0, U4, 0, 9, 8),  # the complement of every bit of the longer one
        (True, U4, 0, U4, 2, 7, 4),  # low bits of the left pass
        (True, U4, 2, U4, 0, 7, 6),  # and are complements on the right
    ],
)
def test_one_adder(subtract, left, left_shift, right, right_shift, bits, expected) -> None:
    assert adder_luts(subtract, left, left_shift, right, right_shift, bits) == expected


def test_complements_are_made_once() -> None:
    nodes = (
        Node(Kind.SUBTRACT, IntType(7, True), 0, 1, 2, 0),  # 4x - y: bits 0, 1 of y and 2, 3 of x alone; two of both
        Node(Kind.SUBTRACT, IntType(8, True), 0, 1, 3, 0),  # 8x - y: bits 0 to 2 of y and 1 to 3 of x; one of both
        Node(Kind.NEGATE, IntType(5, True), 1, 1),  # -y: all four
    )
    graph = AdderGraph(2, U4, nodes, (Term(2), Term(3), Term(4)))
    assert luts(graph) == 4 + 3 + 2 + 1


def test_three_registers_in_a_row_are_a_shift_register() -> None:
    rows = [Node(Kind.REGISTER, U4, 0), Node(Kind.REGISTER, U4, 1), Node(Kind.REGISTER, U4, 2)]
    assert luts(AdderGraph(1, U4, tuple(rows), (Term(3),))) == 4
    assert luts(AdderGraph(1, U4, tuple(rows[:2]), (Term(2),))) == 0
    # One of them is read in between.
    assert luts(AdderGraph(1, U4, tuple(rows), (Term(3), Term(1)))) == 0
    assert flip_flops(AdderGraph(1, U4, tuple(rows), (Term(3),))) == 12


def test_of_all_attempts_the_cheapest_is_kept() -> None:
    """Registers included where they are asked for."""
    rng = np.random.default_rng(0)
    weights = rng.integers(-7, 8, (24, 6)) * (rng.random((24, 6)) < 0.5)
    best, built = adder_graph(weights, U4, 0, 15), adder_graph(weights, U4, 0, 15, levels=2)
    assert luts(best) <= luts(built)
    assert luts(pipelined(built, 2)) <= luts(pipelined(best, 2))


@pytest.mark.slow
def test_yosys_counts_the_same(tmp_path) -> None:
    jobs, expected = [], {}
    for seed, (density, in_type) in enumerate([(1.0, U4), (0.3, U4), (0.5, IntType(3, True)), (0.2, U8)]):
        rng = np.random.default_rng(seed)
        weights = rng.integers(-7, 8, (18, 5)) * (rng.random((18, 5)) < density)
        graph = adder_graph(weights, in_type, in_type.min, in_type.max)
        jobs.append(core_job(f"graph{seed}", graph))
        expected[f"graph{seed}"] = luts(graph)
    found = {r.name: r.counts["LUT"] for r in synthesize(jobs, "xc7", tmp_path, processes=1)}
    for name, count in expected.items():
        # A complement of a bit that Yosys folds into something else is one less.
        assert found[name] == pytest.approx(count, rel=0.02), name
