"""add.sv and its kernel: weighted sums of two streams of their own types, exact at both ends of every range."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from flows.design import Fold
from flows.errors import InfeasibleFolding, UnsupportedModel
from flows.graph import Add, Graph, IntType, Shape
from flows.kernels import add
from tests.kernels.harness import Unit, check_grid, check_large_grid, check_refused, layer, one_op

U1, U4, U8, S1, S4, S8 = (IntType(b, s) for s in (False, True) for b in (1, 4, 8))


@dataclass(frozen=True)
class Point:
    shape: Shape
    pe: int
    types: tuple[IntType, IntType]
    factors: tuple[int, int] = (1, 1)
    streams: tuple[IntType, ...] = ()


FAST = [
    Point((3, 3, 4), 2, (U4, U4)),
    Point((2, 3, 6), 6, (S4, U8), (3, -1)),
    Point((2, 2, 5), 1, (U1, S1), (-7, 5)),
    Point((1, 1, 8), 4, (S8, S8), (1, 1), (IntType(32, True), IntType(32, True))),
    Point((4, 1, 3), 3, (U8, U4), (0, -1)),
    Point((1, 4, 2), 1, (U4, IntType(20, True)), (1000, 1)),
    Point((1, 1, 1), 1, (IntType(30, True), U1), (1, -(1 << 30))),
    Point((2, 2, 12), 3, (S4, S4), (2, 4), (S8, S4)),
]
SLOW = [
    Point((2, 3, 6), pe, types, factors)
    for pe in (1, 2, 6)
    for types in ((U1, U8), (S4, U4), (S8, S1), (U8, S8))
    for factors in ((1, 1), (-1, 3), (5, -8), (17, 0))
]


def graph_of(p: Point) -> Graph:
    return one_op(Add("Add_0", ("a", "b"), ("y",), p.factors), *((p.shape, t) for t in p.types))


def unit(p: Point, number: int) -> Unit:
    graph = graph_of(p)
    ends = np.array(list(itertools.product(*((t.min, t.max) for t in p.types))))
    x = [np.broadcast_to(ends[:, n, None, None, None], (4, *p.shape)) for n in range(2)]
    return layer(graph, Fold(p.pe, 1), f"add{number}", seed=number, in_types=p.streams, x=x)


def units(points: list[Point]) -> list[Unit]:
    return [unit(p, number) for number, p in enumerate(points)]


def test_grid(tmp_path: Path) -> None:
    check_grid(units(FAST), tmp_path)


@pytest.mark.slow
def test_large_grid(tmp_path: Path) -> None:
    check_large_grid(units(SLOW), tmp_path)


def test_kernel_refuses_what_the_module_cannot_do() -> None:
    graph = graph_of(FAST[0])
    op = graph.ops[0]
    assert [(f.pe, f.simd) for f in add.legal(graph, op)] == [(1, 1), (2, 1), (4, 1)]
    with pytest.raises(InfeasibleFolding, match=r"Add_0: PE = 3 does not divide the channels = 4"):
        add.lower(graph, op, Fold(3, 1), U4, None, U4)
    with pytest.raises(InfeasibleFolding, match=r"Add_0: Add has no SIMD"):
        add.lower(graph, op, Fold(1, 2), U4, None, U4)
    graph = one_op(Add("Add_0", ("a", "b"), ("y",), (1 << 31, 1)), ((1, 1, 1), U1), ((1, 1, 1), U1))
    with pytest.raises(UnsupportedModel, match=r"Add_0 \(Add\): factors .* at most 2147483647"):
        add.lower(graph, graph.ops[0], Fold(1, 1), U1, None, U1)


@pytest.mark.parametrize("key", ["PE", "IN0_BITS", "IN1_BITS", "OUT_BITS"])
def test_illegal_parameters_are_refused(tmp_path: Path, key: str) -> None:
    good = unit(FAST[0], 0)
    check_refused(good, {key: 0}, f"add: .*{key}", tmp_path)
