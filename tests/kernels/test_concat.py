"""concat.sv and its kernel: the channels of two streams of different types, one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from flows.design import Fold
from flows.errors import InfeasibleFolding
from flows.graph import Concat, Graph, IntType
from flows.kernels import concat
from tests.kernels.harness import Unit, check_grid, check_large_grid, check_refused, layer, one_op

U1, U4, U8, S1, S4, S8 = (IntType(b, s) for s in (False, True) for b in (1, 4, 8))


@dataclass(frozen=True)
class Point:
    size: tuple[int, int]
    channels: tuple[int, int]
    simd: int
    types: tuple[IntType, IntType]
    streams: tuple[IntType, ...] = ()


FAST = [
    Point((3, 3), (4, 2), 2, (U4, U4)),
    Point((2, 2), (4, 2), 1, (S4, U8)),
    Point((2, 3), (3, 6), 3, (U1, S1)),
    Point((1, 1), (5, 5), 5, (S8, S1)),
    Point((4, 1), (1, 7), 1, (U8, S4)),
    Point((2, 2), (8, 4), 4, (S4, S4), (IntType(32, True), S8)),
    Point((1, 5), (1, 1), 1, (U4, IntType(40, True))),
    Point((1, 1), (6, 9), 3, (U1, U8)),
]
SLOW = [
    Point((2, 2), channels, simd, types)
    for channels, lanes in (((4, 8), (1, 2, 4)), ((6, 3), (1, 3)), ((1, 5), (1,)))
    for simd in lanes
    for types in ((U1, U8), (S8, U8), (S1, S4), (U4, U4), (U8, S1), (S4, U1), (U4, S8))
]


def graph_of(p: Point) -> Graph:
    inputs = [((*p.size, c), t) for c, t in zip(p.channels, p.types, strict=True)]
    return one_op(Concat("Concat_0", ("a", "b"), ("y",)), *inputs)


def unit(p: Point, number: int) -> Unit:
    return layer(graph_of(p), Fold(1, p.simd), f"concat{number}", seed=number, in_types=p.streams)


def units(points: list[Point]) -> list[Unit]:
    return [unit(p, number) for number, p in enumerate(points)]


def test_grid(tmp_path: Path) -> None:
    check_grid(units(FAST), tmp_path)


@pytest.mark.slow
def test_large_grid(tmp_path: Path) -> None:
    check_large_grid(units(SLOW), tmp_path)


def test_kernel_refuses_an_illegal_folding() -> None:
    graph = graph_of(FAST[5])
    op = graph.ops[0]
    assert [(f.pe, f.simd) for f in concat.legal(graph, op)] == [(1, 1), (1, 2), (1, 4)]
    with pytest.raises(InfeasibleFolding, match=r"Concat_0: SIMD = 8 does not divide .* = 4; legal values: 1, 2, 4"):
        concat.lower(graph, op, Fold(1, 8), S4, None, S4)
    with pytest.raises(InfeasibleFolding, match=r"Concat_0: Concat has no PE"):
        concat.lower(graph, op, Fold(2, 1), S4, None, S4)


@pytest.mark.parametrize("key", ["SIMD", "IN0_BITS", "IN1_BITS", "OUT_BITS", "FOLDS0", "FOLDS1"])
def test_illegal_parameters_are_refused(tmp_path: Path, key: str) -> None:
    good = unit(FAST[0], 0)
    check_refused(good, {key: 0}, f"concat: .*{key}", tmp_path)
