"""fmpadding_pixel.sv and its kernel: zeros between pixels, one output beat per cycle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from flows.design import Fold
from flows.errors import InfeasibleFolding
from flows.graph import FMPaddingPixel, Graph, IntType, Shape
from flows.kernels import fmpadding_pixel
from tests.kernels.harness import Unit, check_grid, check_large_grid, check_refused, layer, one_op

S4 = IntType(4, True)


@dataclass(frozen=True)
class Point:
    shape: Shape
    stride: tuple[int, int]
    simd: int
    dtype: IntType = S4


FAST = [
    Point((3, 3, 4), (2, 2), 2),
    Point((3, 4, 4), (2, 2), 1, IntType(8, True)),
    Point((2, 5, 6), (3, 1), 6),
    Point((2, 5, 6), (1, 3), 2, IntType(1, False)),
    Point((2, 2, 3), (1, 1), 1),
    Point((1, 4, 2), (5, 2), 1),
    Point((4, 1, 2), (2, 7), 2, IntType(16, False)),
    Point((1, 1, 1), (4, 4), 1),
]
SLOW = [
    Point(shape, stride, simd)
    for shape in ((3, 4, 6), (2, 1, 6), (1, 5, 6))
    for stride in ((1, 1), (2, 2), (3, 1), (1, 2), (2, 3))
    for simd in (1, 3, 6)
]


def graph_of(p: Point) -> Graph:
    return one_op(FMPaddingPixel("FMPaddingPixel_0", ("x",), ("y",), p.stride), (p.shape, p.dtype))


def unit(p: Point, number: int) -> Unit:
    return layer(graph_of(p), Fold(1, p.simd), f"spread{number}", seed=number, in_types=(p.dtype,))


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
    assert [(f.pe, f.simd) for f in fmpadding_pixel.legal(graph, op)] == [(1, 1), (1, 2), (1, 4)]
    with pytest.raises(InfeasibleFolding, match=r"FMPaddingPixel_0: SIMD = 3 does not divide the channels = 4"):
        fmpadding_pixel.lower(graph, op, Fold(1, 3), FAST[0].dtype, None)
    with pytest.raises(InfeasibleFolding, match=r"FMPaddingPixel_0: FMPaddingPixel has no PE"):
        fmpadding_pixel.lower(graph, op, Fold(2, 1), FAST[0].dtype, None)


@pytest.mark.parametrize("key", ["WIDTH", "FOLDS", "H", "W", "SH", "SW"])
def test_illegal_parameters_are_refused(tmp_path: Path, key: str) -> None:
    good = unit(FAST[0], 0)
    check_refused(good, {key: 0}, f"fmpadding_pixel: .*{key}", tmp_path)
