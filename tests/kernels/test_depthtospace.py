"""depthtospace.sv and its kernel: pixel shuffle without a gap, from the fewest beats of memory that allow it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from flows.design import Fold
from flows.errors import InfeasibleFolding
from flows.graph import DepthToSpace, Graph, IntType
from flows.kernels import depthtospace
from flows.simulate.bench import rtl_files
from tests.kernels.harness import Unit, build, check_grid, check_large_grid, check_refused, intervals, layer, one_op

U4 = IntType(4, False)


@dataclass(frozen=True)
class Point:
    size: tuple[int, int]
    channels: int
    block: int
    simd: int
    dtype: IntType = U4


FAST = [
    Point((3, 3), 4, 2, 2),
    Point((2, 4), 4, 2, 1, IntType(8, True)),
    Point((2, 3), 2, 3, 2),
    Point((2, 2), 3, 3, 1, IntType(3, True)),
    Point((3, 1), 2, 2, 1),
    Point((2, 5), 3, 1, 3),
    Point((1, 1), 1, 2, 1, IntType(1, False)),
    Point((1, 1), 1, 1, 1),
    Point((2, 3), 1, 4, 1, IntType(12, True)),
]
SLOW = [
    Point(size, channels, block, simd)
    for size in ((3, 4), (2, 1), (1, 5))
    for block in (1, 2, 3, 4)
    for channels, simd in ((1, 1), (4, 1), (4, 2), (4, 4))
]


def graph_of(p: Point) -> Graph:
    shape = (*p.size, p.block**2 * p.channels)
    return one_op(DepthToSpace("DepthToSpace_0", ("x",), ("y",), p.block), (shape, p.dtype))


def unit(p: Point, number: int) -> Unit:
    return layer(graph_of(p), Fold(1, p.simd), f"d2s{number}", seed=number, in_types=(p.dtype,))


def units(points: list[Point]) -> list[Unit]:
    return [unit(p, number) for number, p in enumerate(points)]


def test_grid(tmp_path: Path) -> None:
    check_grid(units(FAST), tmp_path)


@pytest.mark.slow
def test_large_grid(tmp_path: Path) -> None:
    check_large_grid(units(SLOW), tmp_path)


def test_one_beat_of_memory_less_is_too_slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = rtl_files()
    less = texts["depthtospace"].replace("(2 * W - 1) + 2;", "(2 * W - 1) + 1;")
    assert less != texts["depthtospace"]
    monkeypatch.setattr("tests.kernels.harness.rtl_files", lambda: {**texts, "depthtospace": less})
    several = [p for p in FAST if p.block > 1 and p.size[1] > 1]
    measured = intervals(units(several), build(units(several), tmp_path), tmp_path / "run")
    for one in units(several):
        assert measured[one.name] > one.interval


def test_kernel_refuses_an_illegal_folding() -> None:
    graph = graph_of(FAST[0])
    op = graph.ops[0]
    assert [(f.pe, f.simd) for f in depthtospace.legal(graph, op)] == [(1, 1), (1, 2), (1, 4)]
    with pytest.raises(InfeasibleFolding, match=r"DepthToSpace_0: SIMD = 8 does not divide the output's channels = 4"):
        depthtospace.lower(graph, op, Fold(1, 8), FAST[0].dtype, None)
    with pytest.raises(InfeasibleFolding, match=r"DepthToSpace_0: DepthToSpace has no PE"):
        depthtospace.lower(graph, op, Fold(2, 1), FAST[0].dtype, None)


@pytest.mark.parametrize("key", ["WIDTH", "SEGMENT", "W", "BLOCK"])
def test_illegal_parameters_are_refused(tmp_path: Path, key: str) -> None:
    good = unit(FAST[0], 0)
    check_refused(good, {key: 0}, f"(depthtospace|ringbuffer): .*{key}", tmp_path)
