"""globalaccpool.sv and its kernel: sums over the whole map, exact at both ends of their range."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from flows.design import Fold
from flows.errors import InfeasibleFolding
from flows.graph import GlobalAccPool, Graph, IntType, Shape
from flows.kernels import globalaccpool
from tests.kernels.harness import Unit, check_grid, check_large_grid, check_refused, layer, one_op


@dataclass(frozen=True)
class Point:
    shape: Shape
    pe: int
    dtype: IntType
    streams: tuple[IntType, ...] = ()


FAST = [
    Point((4, 4, 4), 2, IntType(4, False)),
    Point((4, 4, 4), 1, IntType(4, True)),
    Point((3, 5, 6), 6, IntType(8, True)),
    Point((1, 1, 5), 1, IntType(3, False)),
    Point((1, 1, 5), 5, IntType(3, True)),
    Point((7, 1, 3), 1, IntType(1, False)),
    Point((2, 3, 8), 2, IntType(1, True)),
    Point((1, 9, 2), 1, IntType(12, True), (IntType(32, True),)),
    Point((2, 2, 1), 1, IntType(40, True)),
]
SLOW = [
    Point((*size, 12), pe, IntType(bits, signed))
    for size in ((1, 1), (3, 4))
    for pe in (1, 3, 12)
    for bits in (1, 4, 8, 16)
    for signed in (False, True)
]


def graph_of(p: Point) -> Graph:
    return one_op(GlobalAccPool("GlobalAccPool_0", ("x",), ("y",)), (p.shape, p.dtype))


def unit(p: Point, number: int) -> Unit:
    ends = np.stack([np.full(p.shape, v) for v in (p.dtype.min, p.dtype.max)])
    graph = graph_of(p)
    return layer(graph, Fold(p.pe, 1), f"pool{number}", seed=number, in_types=p.streams, x=[ends])


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
    assert [(f.pe, f.simd) for f in globalaccpool.legal(graph, op)] == [(1, 1), (2, 1), (4, 1)]
    with pytest.raises(InfeasibleFolding, match=r"GlobalAccPool_0: PE = 3 does not divide the channels = 4"):
        globalaccpool.lower(graph, op, Fold(3, 1), FAST[0].dtype, None)
    with pytest.raises(InfeasibleFolding, match=r"GlobalAccPool_0: GlobalAccPool has no SIMD"):
        globalaccpool.lower(graph, op, Fold(1, 2), FAST[0].dtype, None)


@pytest.mark.parametrize("key", ["PE", "FOLDS", "PIXELS", "IN_BITS", "OUT_BITS"])
def test_illegal_parameters_are_refused(tmp_path: Path, key: str) -> None:
    good = unit(FAST[0], 0)
    check_refused(good, {key: 0}, f"globalaccpool: .*{key}", tmp_path)
