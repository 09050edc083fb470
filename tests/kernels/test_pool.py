"""pool.sv, pool_parallel.sv and their kernel: maximum and sum over a window, signed and unsigned, a beat per cycle."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from flows.design import Fold
from flows.errors import InfeasibleFolding
from flows.graph import Graph, IntType, Op, Pool
from flows.kernels import pool
from tests.kernels.harness import Unit, check_grid, check_refused, layer, one_op, read_slang


@dataclass(frozen=True)
class Set:
    size: tuple[int, int]
    channels: int
    pe: int
    window: int
    dtype: IntType
    function: Literal["max", "sum"] = "max"
    whole: bool = False


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
    Set((3, 3), 4, 2, 4, IntType(4, False), "sum"),
    Set((3, 3), 4, 1, 4, IntType(4, True), "sum"),
    Set((2, 2), 6, 6, 9, IntType(8, True), "sum"),
    Set((2, 3), 5, 5, 2, IntType(1, False), "sum"),
    Set((2, 3), 3, 1, 3, IntType(1, True), "sum"),
    Set((4, 4), 2, 1, 1, IntType(5, False), "sum"),
    Set((1, 1), 8, 4, 49, IntType(3, True), "sum"),
    Set((1, 4), 1, 1, 5, IntType(33, True), "sum"),
    Set((3, 3), 4, 2, 4, IntType(4, False), whole=True),
    Set((2, 2), 6, 6, 9, IntType(8, True), whole=True),
    Set((2, 3), 3, 1, 3, IntType(1, True), whole=True),
    Set((2, 3), 5, 5, 2, IntType(1, False), "sum", whole=True),
    Set((2, 2), 6, 3, 9, IntType(8, True), "sum", whole=True),
    Set((1, 4), 2, 1, 5, IntType(33, True), "sum", whole=True),
]
SLOW = [
    Set((2, 3), 12, pe, window, IntType(bits, signed), function)
    for pe in (1, 4, 12)
    for window in (1, 2, 9)
    for bits in (1, 2, 8)
    for signed in (False, True)
    for function in ("max", "sum")
] + [
    Set((2, 3), 6, pe, window, IntType(bits, signed), function, whole=True)
    for pe in (2, 6)
    for window in (2, 5, 9)
    for bits in (1, 6)
    for signed in (False, True)
    for function in ("max", "sum")
]


def graph_of(s: Set) -> tuple[Graph, Op]:
    op = Pool("pool", ("x",), ("y",), s.window, s.function)
    return one_op(op, ((*s.size, s.channels * s.window), s.dtype)), op


def unit(s: Set, number: int) -> Unit:
    graph, _ = graph_of(s)
    ends = np.stack([np.full(graph["x"].shape, v) for v in (s.dtype.min, s.dtype.max)])
    fold_ = Fold(s.pe, s.window if s.whole else 1)
    return layer(graph, fold_, f"pool{number}", seed=number, window=s.window, in_types=(s.dtype,), x=[ends])


def units(sets: list[Set]) -> list[Unit]:
    return [unit(s, number) for number, s in enumerate(sets)]


def test_grid(tmp_path: Path) -> None:
    check_grid(units(FAST), tmp_path)


@pytest.mark.slow
def test_large_grid(tmp_path: Path) -> None:
    assert len(SLOW) >= 2 * 40
    check_grid(units(SLOW), tmp_path)
    read_slang(units(SLOW), tmp_path / "slang")


def test_a_sum_of_wider_streams_is_exact(tmp_path: Path) -> None:
    """Under the policy fixed-32 the accumulators come in 32 bits, and the sum needs fewer."""
    graph, _ = graph_of(FAST[10])
    one = layer(graph, Fold(1, 1), "wide", window=4, in_types=(IntType(32, True),))
    assert one.in_bits == 32 and one.out_type.bits == 6
    check_grid([one], tmp_path)


def test_legal_foldings_divide_the_channels() -> None:
    graph, op = graph_of(FAST[0])
    assert [(f.pe, f.simd) for f in pool.legal(graph, op)] == [(1, 1), (2, 1), (4, 1), (1, 4), (2, 4), (4, 4)]


@pytest.mark.parametrize(
    ("fold_", "message"),
    [(Fold(3, 1), "PE = 3 does not divide the channels = 4"), (Fold(1, 2), "SIMD = 2; legal values: 1, or the")],
)
def test_illegal_foldings_are_refused(fold_: Fold, message: str) -> None:
    graph, op = graph_of(FAST[0])
    with pytest.raises(InfeasibleFolding, match=f"pool: .*{message}"):
        pool.lower(graph, op, fold_, IntType(4, False), None)


@pytest.mark.parametrize("key", ["PE", "BITS", "WINDOW", "OUT_BITS"])
@pytest.mark.parametrize("function", ["max", "sum"])
def test_illegal_parameters_are_refused(tmp_path: Path, key: str, function: Literal["max", "sum"]) -> None:
    good = unit(replace(FAST[0], function=function), 0)
    check_refused(good, {key: 0}, f"pool: .*{key}", tmp_path)
    if key == "WINDOW":
        whole = unit(replace(FAST[0], function=function, whole=True), 0)
        check_refused(whole, {key: 1}, f"pool_parallel: .*{key}", tmp_path / "whole")
