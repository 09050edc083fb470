"""labelselect.sv and labelselect_topk.sv against a stable sort: ties go to the lowest index, in every position."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from flows.design import Fold
from flows.errors import InfeasibleFolding
from flows.graph import Graph, IntArray, IntType, LabelSelect
from flows.kernels import labelselect
from tests.kernels.harness import Unit, check_grid, check_refused, layer, lint, one_op, read_slang


@dataclass(frozen=True)
class Point:
    classes: int
    pe: int
    in_type: IntType
    k: int = 1


def graph_of(classes: int, in_type: IntType, k: int = 1) -> tuple[Graph, LabelSelect]:
    op = LabelSelect("LabelSelect_0", ("x",), ("y",), k)
    return one_op(op, ((1, 1, classes), in_type)), op


def vectors(classes: int, in_type: IntType, seed: int) -> IntArray:
    """(N, 1, 1, classes): random, close together (ties), all equal at the ends, and the largest in every position."""
    rng = np.random.default_rng(seed)
    low, high = in_type.min, in_type.max
    random = rng.integers(low, high + 1, (6, classes))
    close = np.clip(rng.integers(-1, 2, (12, classes)) + (low + high) // 2, low, high)
    ends = np.array([[low] * classes, [high] * classes])
    places = rng.permutation(classes)[:12]
    one = np.where(np.arange(classes) == places[:, None], high, low)
    return np.concatenate([random, close, ends, one])[:, None, None, :]


def unit_of(point: Point, name: str, seed: int = 1) -> Unit:
    graph, _ = graph_of(point.classes, point.in_type, point.k)
    unit = layer(graph, Fold(point.pe, 1), name, seed=seed, x=[vectors(point.classes, point.in_type, seed)])
    assert unit.interval == point.classes // point.pe
    return unit


def units_of(points: list[Point]) -> list[Unit]:
    return [unit_of(p, f"label{i}", i) for i, p in enumerate(points)]


def grid(classes: tuple[int, ...], types: tuple[IntType, ...]) -> list[Point]:
    return [Point(c, pe, t) for c in classes for pe in range(1, c + 1) if c % pe == 0 for t in types]


FAST = [
    Point(10, 1, IntType(17, True)),
    Point(10, 10, IntType(17, True)),
    Point(10, 5, IntType(8, False)),
    Point(1, 1, IntType(4, True)),
    Point(2, 2, IntType(1, False)),
    Point(2, 1, IntType(1, True)),
    Point(12, 3, IntType(2, True)),
    Point(100, 4, IntType(32, True)),
    Point(64, 8, IntType(3, False)),
    Point(10, 1, IntType(17, True), 2),
    Point(10, 1, IntType(2, True), 5),
    Point(10, 1, IntType(1, False), 10),
    Point(2, 1, IntType(1, True), 2),
    Point(3, 1, IntType(8, False), 2),
    Point(100, 1, IntType(5, True), 5),
    Point(16, 1, IntType(32, True), 15),
    Point(64, 1, IntType(3, False), 3),
]
TYPES = (IntType(1, False), IntType(8, True), IntType(21, False))
SLOW = grid((3, 7, 10, 12, 16), TYPES)
SLOW_TOP = [Point(c, 1, t, k) for c in (3, 5, 8, 17) for k in (2, 3, c - 1, c) if k > 1 for t in TYPES]


def test_grid(tmp_path: Path) -> None:
    units = units_of(FAST)
    check_grid(units, tmp_path)
    read_slang(units, tmp_path / "slang")


@pytest.mark.slow
def test_large_grid(tmp_path: Path) -> None:
    units = units_of(SLOW + SLOW_TOP)
    assert len(SLOW) >= 40 and len(SLOW_TOP) >= 40
    check_grid(units, tmp_path)
    read_slang(units, tmp_path / "slang")


@pytest.mark.parametrize(
    ("changed", "message"), [({"PE": 4}, "PE must divide"), ({"INDEX_BITS": 3}, "INDEX_BITS"), ({"PE": 0}, "PE must")]
)
def test_illegal_parameters_are_refused(tmp_path: Path, changed: dict[str, int], message: str) -> None:
    good = unit_of(Point(10, 5, IntType(8, True)), "good")
    lint([good], tmp_path / "good")
    check_refused(good, changed, f"labelselect: {message}", tmp_path / "bad")


def test_kernel_refuses_an_illegal_folding() -> None:
    graph, op = graph_of(10, IntType(8, True))
    assert [f.pe for f in labelselect.legal(graph, op)] == [1, 2, 5, 10]
    with pytest.raises(InfeasibleFolding, match=r"LabelSelect_0: PE = 4 .*legal values: 1, 2, 5, 10"):
        labelselect.lower(graph, op, Fold(4, 1), IntType(8, True), None)


def test_of_several_labels_one_value_a_beat_is_compared() -> None:
    graph, op = graph_of(10, IntType(8, True), 3)
    assert [(f.pe, f.simd) for f in labelselect.legal(graph, op)] == [(1, 1)]
    with pytest.raises(InfeasibleFolding, match=r"LabelSelect_0: PE = 2; legal for k = 3 is 1"):
        labelselect.lower(graph, op, Fold(2, 1), IntType(8, True), None)


@pytest.mark.parametrize(
    ("changed", "message"), [({"K": 1}, "K must"), ({"K": 11}, "K must"), ({"INDEX_BITS": 3}, "INDEX_BITS")]
)
def test_illegal_parameters_of_several_labels_are_refused(
    tmp_path: Path, changed: dict[str, int], message: str
) -> None:  # fmt: skip
    good = unit_of(Point(10, 1, IntType(8, True), 3), "good")
    check_refused(good, changed, f"labelselect_topk: {message}", tmp_path)
