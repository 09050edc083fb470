"""upsample.sv and its kernel: every pixel and row several times, one output beat per cycle, from one row of memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from flows.design import Fold
from flows.errors import InfeasibleFolding
from flows.graph import Graph, IntType, Shape, UpsampleNearest
from flows.kernels import upsample
from tests.kernels.harness import Unit, check_grid, check_large_grid, check_refused, layer, one_op

U4 = IntType(4, False)


@dataclass(frozen=True)
class Point:
    shape: Shape
    factors: tuple[int, int]
    simd: int
    dtype: IntType = U4


FAST = [
    Point((3, 3, 4), (2, 2), 2),
    Point((3, 4, 4), (2, 2), 1, IntType(8, True)),
    Point((2, 5, 6), (3, 1), 6),
    Point((2, 5, 6), (1, 3), 2),
    Point((2, 2, 3), (1, 1), 3, IntType(1, False)),
    Point((3, 1, 1), (2, 1), 1),
    Point((1, 1, 2), (4, 5), 1, IntType(3, True)),
    Point((1, 1, 1), (1, 1), 1),
    Point((4, 1, 1), (3, 2), 1, IntType(20, True)),
]
SLOW = [
    Point(shape, factors, simd)
    for shape in ((3, 4, 6), (2, 1, 6), (1, 5, 6))
    for factors in ((1, 1), (2, 2), (3, 1), (1, 2), (2, 3))
    for simd in (1, 3, 6)
]


def graph_of(p: Point) -> Graph:
    return one_op(UpsampleNearest("UpsampleNearest_0", ("x",), ("y",), p.factors), (p.shape, p.dtype))


def unit(p: Point, number: int) -> Unit:
    return layer(graph_of(p), Fold(1, p.simd), f"up{number}", seed=number, in_types=(p.dtype,))


def units(points: list[Point]) -> list[Unit]:
    return [unit(p, number) for number, p in enumerate(points)]


def test_grid(tmp_path: Path) -> None:
    check_grid(units(FAST), tmp_path)


@pytest.mark.slow
def test_large_grid(tmp_path: Path) -> None:
    check_large_grid(units(SLOW), tmp_path)


def test_kernel_refuses_an_illegal_folding() -> None:
    graph = graph_of(FAST[0])
    op = graph.ops[0]
    assert [(f.pe, f.simd) for f in upsample.legal(graph, op)] == [(1, 1), (1, 2), (1, 4)]
    with pytest.raises(InfeasibleFolding, match=r"UpsampleNearest_0: SIMD = 3 does not divide the channels = 4"):
        upsample.lower(graph, op, Fold(1, 3), FAST[0].dtype, None)
    with pytest.raises(InfeasibleFolding, match=r"UpsampleNearest_0: UpsampleNearest has no PE"):
        upsample.lower(graph, op, Fold(2, 1), FAST[0].dtype, None)


@pytest.mark.parametrize("key", ["WIDTH", "FOLDS", "W", "ROWS", "COLUMNS"])
def test_illegal_parameters_are_refused(tmp_path: Path, key: str) -> None:
    good = unit(FAST[0], 0)
    check_refused(good, {key: 0}, f"(upsample|ringbuffer): .*{key}", tmp_path)
