"""channelslice.sv and its kernel: some of the channels pass, the others are dropped without waiting."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from flows.design import Fold
from flows.errors import InfeasibleFolding
from flows.graph import ChannelSlice, Graph, IntType, Shape
from flows.kernels import channelslice
from tests.kernels.harness import Unit, check_grid, check_large_grid, check_refused, layer, one_op

U4 = IntType(4, False)


@dataclass(frozen=True)
class Point:
    shape: Shape
    start: int
    stop: int
    simd: int
    dtype: IntType = U4


FAST = [
    Point((3, 3, 6), 0, 2, 2),
    Point((3, 3, 6), 2, 6, 1, IntType(8, True)),
    Point((2, 2, 6), 3, 6, 3),
    Point((2, 3, 4), 0, 4, 4, IntType(1, False)),
    Point((2, 3, 4), 0, 4, 1),
    Point((1, 1, 9), 3, 6, 3, IntType(5, True)),
    Point((1, 4, 5), 4, 5, 1, IntType(33, True)),
    Point((4, 1, 16), 4, 12, 4),
]
SLOW = [
    Point((2, 2, 12), start, stop, simd, dtype)
    for start, stop, lanes in ((0, 12, (1, 3, 12)), (0, 4, (1, 4)), (4, 8, (1, 2)), (6, 12, (2, 6)), (11, 12, (1,)))
    for simd in lanes
    for dtype in (IntType(1, False), IntType(4, True), IntType(7, False), IntType(16, True))
]


def graph_of(p: Point) -> Graph:
    return one_op(ChannelSlice("ChannelSlice_0", ("x",), ("y",), p.start, p.stop), (p.shape, p.dtype))


def unit(p: Point, number: int) -> Unit:
    return layer(graph_of(p), Fold(1, p.simd), f"slice{number}", seed=number, in_types=(p.dtype,))


def units(points: list[Point]) -> list[Unit]:
    return [unit(p, number) for number, p in enumerate(points)]


def test_grid(tmp_path: Path) -> None:
    check_grid(units(FAST), tmp_path)


@pytest.mark.slow
def test_large_grid(tmp_path: Path) -> None:
    check_large_grid(units(SLOW), tmp_path)


def test_kernel_refuses_an_illegal_folding() -> None:
    graph = graph_of(FAST[7])
    op = graph.ops[0]
    assert [(f.pe, f.simd) for f in channelslice.legal(graph, op)] == [(1, 1), (1, 2), (1, 4)]
    with pytest.raises(InfeasibleFolding, match=r"ChannelSlice_0: SIMD = 8 does not divide .* legal values: 1, 2, 4"):
        channelslice.lower(graph, op, Fold(1, 8), IntType(4, False), None)
    with pytest.raises(InfeasibleFolding, match=r"ChannelSlice_0: ChannelSlice has no PE"):
        channelslice.lower(graph, op, Fold(2, 1), IntType(4, False), None)


@pytest.mark.parametrize(
    ("changed", "message"),
    [({"WIDTH": 0}, "WIDTH"), ({"START": 1, "STOP": 1}, "START < STOP"), ({"STOP": 4}, "STOP <= FOLDS")],
)
def test_illegal_parameters_are_refused(tmp_path: Path, changed: dict[str, int], message: str) -> None:
    good = unit(FAST[0], 0)
    check_refused(good, changed, f"channelslice: .*{message}", tmp_path)
