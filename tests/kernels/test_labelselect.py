"""labelselect.sv against argmax: ties go to the lowest index, in every position."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from flows.beats import fold as to_beats
from flows.design import Fold
from flows.errors import InfeasibleFolding, ToolFailed
from flows.golden import apply
from flows.graph import Graph, IntArray, IntType, LabelSelect, Tensor, by_name
from flows.kernels import labelselect
from tests.kernels.harness import Unit, build, check_grid, lint, read_slang


@dataclass(frozen=True)
class Point:
    classes: int
    pe: int
    in_type: IntType


def graph_of(classes: int, in_type: IntType) -> tuple[Graph, LabelSelect]:
    op = LabelSelect("LabelSelect_0", ("x",), ("y",))
    x = Tensor("x", (1, 1, classes), in_type, in_type.min, in_type.max)
    y = Tensor("y", (1, 1, 1), IntType.for_range(0, classes - 1), 0, classes - 1)
    graph = Graph("g", ("x",), ("y",), (op,), by_name([x, y]))
    graph.validate()
    return graph, op


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
    graph, op = graph_of(point.classes, point.in_type)
    low = labelselect.lower(graph, op, Fold(point.pe, 1), point.in_type, None)
    x = vectors(point.classes, point.in_type, seed)
    y = to_beats(apply(op, x), 1)
    return Unit(
        name, low.module, low.params, to_beats(x, low.in_lanes), point.in_type.bits, y, low.out_type,
        interval=point.classes // point.pe,
    )  # fmt: skip


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
]
SLOW = grid((3, 7, 10, 12, 16), (IntType(1, False), IntType(8, True), IntType(21, False)))


def test_grid(tmp_path: Path) -> None:
    units = units_of(FAST)
    check_grid(units, tmp_path)
    read_slang(units, tmp_path / "slang")


@pytest.mark.slow
def test_large_grid(tmp_path: Path) -> None:
    units = units_of(SLOW)
    assert len(units) >= 40
    check_grid(units, tmp_path)
    read_slang(units, tmp_path / "slang")


@pytest.mark.parametrize(
    ("changed", "message"), [({"PE": 4}, "PE must divide"), ({"INDEX_BITS": 3}, "INDEX_BITS"), ({"PE": 0}, "PE must")]
)
def test_illegal_parameters_are_refused(tmp_path: Path, changed: dict[str, int], message: str) -> None:
    good = unit_of(Point(10, 5, IntType(8, True)), "good")
    lint([good], tmp_path / "good")
    with pytest.raises(ToolFailed, match=f"labelselect: {message}"):
        build([replace(good, params={**good.params, **changed})], tmp_path / "bad")


def test_kernel_refuses_an_illegal_folding() -> None:
    graph, op = graph_of(10, IntType(8, True))
    assert [f.pe for f in labelselect.legal(graph, op)] == [1, 2, 5, 10]
    with pytest.raises(InfeasibleFolding, match=r"LabelSelect_0: PE = 4 .*legal values: 1, 2, 5, 10"):
        labelselect.lower(graph, op, Fold(4, 1), IntType(8, True), None)
