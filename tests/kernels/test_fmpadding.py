"""fmpadding.sv and its kernel: zeros on every side, one output beat per cycle, nothing before the frame is there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from flows.beats import fold
from flows.design import Fold
from flows.errors import InfeasibleFolding
from flows.golden import apply
from flows.graph import FMPadding, Graph, IntType, Tensor, by_name, output_shape
from flows.kernels import fmpadding
from tests.kernels.harness import Unit, check_grid, check_refused, read_slang

UINT4 = IntType(4, False)


@dataclass(frozen=True)
class Set:
    shape: tuple[int, int, int]
    simd: int
    pad: tuple[int, int, int, int]
    dtype: IntType = UINT4


FAST = [
    Set((4, 5, 4), 2, (1, 1, 1, 1)),
    Set((3, 3, 2), 1, (0, 0, 1, 1)),
    Set((3, 4, 3), 3, (2, 3, 0, 0), IntType(8, True)),
    Set((1, 1, 4), 1, (1, 1, 1, 1)),
    Set((5, 1, 2), 2, (0, 2, 0, 1), IntType(1, False)),
    Set((1, 6, 1), 1, (3, 0, 0, 0)),
    Set((4, 4, 6), 2, (0, 0, 0, 0)),
    Set((2, 2, 8), 8, (1, 2, 3, 4), IntType(5, True)),
    Set((7, 4, 1), 1, (0, 1, 1, 0)),
]
SLOW = [
    Set((h, w, c), simd, pad, dtype)
    for h, w in ((1, 3), (4, 2), (5, 5))
    for c, simd in ((4, 1), (6, 3))
    for pad in ((1, 1, 1, 1), (0, 0, 2, 1), (3, 0, 0, 0), (0, 1, 0, 0))
    for dtype in (IntType(3, False), IntType(9, True))
]


def graph_of(s: Set) -> tuple[Graph, FMPadding]:
    op = FMPadding("pad", ("x",), ("y",), s.pad)
    x = Tensor("x", s.shape, s.dtype, s.dtype.min, s.dtype.max)
    y = replace(x, name="y", shape=output_shape(op, s.shape))
    return Graph("test", ("x",), ("y",), (op,), by_name((x, y))), op


def unit(s: Set, number: int, frames: int = 4) -> Unit:
    graph, op = graph_of(s)
    low = fmpadding.lower(graph, op, Fold(1, s.simd), s.dtype, None)
    # No zeros in the map: a zero in the output is then padding.
    x = np.random.default_rng(number).integers(1, s.dtype.max + 1 + s.dtype.signed, (frames, *s.shape))
    x = np.where(x > s.dtype.max, s.dtype.min, x)
    beats_in, beats_out = fold(x, low.in_lanes), fold(apply(op, x), low.out_lanes)
    assert low.work_beats == beats_out.shape[1]
    return Unit(
        f"pad{number}", low.module, low.params, beats_in, s.dtype.bits, beats_out, s.dtype, interval=beats_out.shape[1]
    )


def units(sets: list[Set]) -> list[Unit]:
    return [unit(s, number) for number, s in enumerate(sets)]


def test_grid(tmp_path: Path) -> None:
    check_grid(units(FAST), tmp_path)  # a zero row of a frame that never comes would be a surplus beat


@pytest.mark.slow
def test_large_grid(tmp_path: Path) -> None:
    assert len(SLOW) >= 40
    check_grid(units(SLOW), tmp_path)
    read_slang(units(SLOW), tmp_path / "slang")


def test_legal_foldings_divide_the_channels() -> None:
    graph, op = graph_of(FAST[0])
    assert [(f.pe, f.simd) for f in fmpadding.legal(graph, op)] == [(1, 1), (1, 2), (1, 4)]


@pytest.mark.parametrize(
    ("fold_", "message"), [(Fold(1, 3), "SIMD = 3 does not divide the channels = 4"), (Fold(2, 1), "has no PE")]
)
def test_illegal_foldings_are_refused(fold_: Fold, message: str) -> None:
    graph, op = graph_of(FAST[0])
    with pytest.raises(InfeasibleFolding, match=f"pad: .*{message}"):
        fmpadding.lower(graph, op, fold_, IntType(4, False), None)


@pytest.mark.parametrize("key", ["WIDTH", "FOLDS", "H", "W"])
def test_illegal_parameters_are_refused(tmp_path: Path, key: str) -> None:
    good = unit(FAST[0], 0)
    check_refused(good, {key: 0}, f"fmpadding: .*{key}", tmp_path)
