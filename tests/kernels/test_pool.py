"""pool.sv and its kernel: maximum over groups of beats, signed and unsigned, one input beat per cycle."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from flows.beats import fold
from flows.design import Fold
from flows.errors import InfeasibleFolding, ToolFailed
from flows.golden import apply
from flows.graph import Graph, IntType, Pool, Tensor, by_name
from flows.kernels import pool
from tests.kernels.harness import Unit, build, check_grid, read_slang


@dataclass(frozen=True)
class Set:
    size: tuple[int, int]
    channels: int
    pe: int
    window: int
    dtype: IntType


FAST = [
    Set((3, 3), 4, 2, 4, IntType(4, False)),
    Set((3, 3), 4, 1, 4, IntType(4, True)),
    Set((2, 2), 6, 6, 9, IntType(8, True)),
    Set((2, 3), 5, 5, 2, IntType(1, False)),
    Set((2, 3), 3, 1, 3, IntType(1, True)),
    Set((4, 4), 2, 1, 1, IntType(5, False)),
    Set((1, 1), 8, 4, 49, IntType(3, True)),
    Set((5, 1), 12, 3, 6, IntType(16, False)),
    Set((1, 4), 1, 1, 5, IntType(33, True)),
]
SLOW = [
    Set((2, 3), 12, pe, window, IntType(bits, signed))
    for pe in (1, 4, 12)
    for window in (1, 2, 9)
    for bits in (1, 2, 8)
    for signed in (False, True)
]


def graph_of(s: Set) -> tuple[Graph, Pool]:
    op = Pool("pool", ("x",), ("y",), s.window)
    y = Tensor("y", (*s.size, s.channels), s.dtype, s.dtype.min, s.dtype.max)
    x = replace(y, name="x", shape=(*s.size, s.channels * s.window))
    return Graph("test", ("x",), ("y",), (op,), by_name((x, y))), op


def unit(s: Set, number: int, frames: int = 4) -> Unit:
    graph, op = graph_of(s)
    low = pool.lower(graph, op, Fold(s.pe, 1), s.dtype, None)
    x = np.random.default_rng(number).integers(s.dtype.min, s.dtype.max + 1, (frames, *graph["x"].shape))
    beats_in, beats_out = fold(x, low.in_lanes, s.window), fold(apply(op, x), low.out_lanes)
    assert low.work_beats == beats_in.shape[1]
    return Unit(
        f"pool{number}", low.module, low.params, beats_in, s.dtype.bits, beats_out, low.out_type,
        interval=beats_in.shape[1],
    )  # fmt: skip


def units(sets: list[Set]) -> list[Unit]:
    return [unit(s, number) for number, s in enumerate(sets)]


def test_grid(tmp_path: Path) -> None:
    check_grid(units(FAST), tmp_path)


@pytest.mark.slow
def test_large_grid(tmp_path: Path) -> None:
    assert len(SLOW) >= 40
    check_grid(units(SLOW), tmp_path)
    read_slang(units(SLOW), tmp_path / "slang")


def test_legal_foldings_divide_the_channels() -> None:
    graph, op = graph_of(FAST[0])
    assert [(f.pe, f.simd) for f in pool.legal(graph, op)] == [(1, 1), (2, 1), (4, 1)]


@pytest.mark.parametrize(
    ("fold_", "message"), [(Fold(3, 1), "PE = 3 does not divide the channels = 4"), (Fold(1, 2), "has no SIMD")]
)
def test_illegal_foldings_are_refused(fold_: Fold, message: str) -> None:
    graph, op = graph_of(FAST[0])
    with pytest.raises(InfeasibleFolding, match=f"pool: .*{message}"):
        pool.lower(graph, op, fold_, IntType(4, False), None)


@pytest.mark.parametrize("key", ["PE", "BITS", "WINDOW"])
def test_illegal_parameters_are_refused(tmp_path: Path, key: str) -> None:
    good = unit(FAST[0], 0)
    with pytest.raises(ToolFailed, match=f"pool: .*{key}"):
        build([replace(good, params={**good.params, key: 0})], tmp_path)
