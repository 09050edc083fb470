"""swg.sv, swg_parallel.sv and their kernel: window order, the frame interval, the smallest ring that reaches it."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from flows.beats import fold
from flows.design import Fold
from flows.errors import InfeasibleFolding
from flows.golden import windows
from flows.graph import ConvolutionInputGenerator, Graph, IntType, Tensor, by_name, output_shape
from flows.kernels import swg
from tests.kernels.harness import Unit, build, check_grid, check_large_grid, check_refused, intervals, read_slang

UINT4 = IntType(4, False)


@dataclass(frozen=True)
class Set:
    size: tuple[int, int]
    channels: int
    simd: int
    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    depthwise: bool = False
    ram_style: str = "auto"
    dtype: IntType = UINT4
    whole: bool = False


FAST = [
    Set((8, 8), 4, 2, (3, 3)),
    Set((8, 8), 4, 1, (2, 2), (2, 2), depthwise=True),
    Set((7, 9), 2, 2, (3, 2), (2, 3), depthwise=True, ram_style="block"),
    Set((6, 6), 3, 1, (1, 1)),
    Set((6, 6), 2, 1, (1, 1), (2, 2)),
    Set((9, 8), 2, 1, (3, 3), (1, 2), (2, 2), dtype=IntType(8, True)),
    Set((5, 5), 4, 4, (5, 5), ram_style="distributed"),
    Set((1, 12), 2, 1, (1, 4), (1, 3), dtype=IntType(1, False)),
    Set((12, 1), 6, 2, (3, 1), (2, 1), depthwise=True),
    Set((1, 1), 8, 8, (1, 1)),
    Set((10, 10), 2, 1, (2, 2), (3, 3)),
    Set((9, 9), 1, 1, (3, 3), (1, 1), (3, 2), depthwise=True, ram_style="block"),
]
WHOLE = [
    Set((8, 8), 4, 4, (3, 3)),
    Set((8, 8), 4, 1, (2, 2), (2, 2), depthwise=True),
    Set((7, 9), 2, 2, (3, 2), (2, 3), depthwise=True, ram_style="block"),
    Set((6, 6), 3, 3, (1, 1), (2, 2)),
    Set((9, 8), 2, 2, (3, 3), (1, 2), (2, 2), dtype=IntType(8, True)),
    Set((5, 5), 4, 4, (5, 5), ram_style="distributed"),
    Set((1, 12), 2, 2, (1, 4), (1, 3), dtype=IntType(1, False)),
    Set((12, 1), 6, 2, (3, 1), (2, 1), depthwise=True),
    Set((10, 10), 2, 2, (2, 2), (3, 3)),
    Set((9, 9), 3, 1, (3, 3), (1, 1), (3, 2), depthwise=True, ram_style="block"),
    Set((1, 1), 8, 8, (1, 1)),
]
"""A whole window in a beat."""
SLOW = [
    Set((h, w), channels, simd, kernel, stride, dilation, depthwise)
    for h, w in ((7, 6), (11, 13))
    for channels, simd in ((6, 2), (3, 3))
    for kernel, dilation in (((1, 1), (1, 1)), ((2, 3), (1, 2)), ((3, 3), (1, 1)))
    for stride in ((1, 1), (2, 1), (3, 4))
    for depthwise in (False, True)
]
SLOW_WHOLE = [
    Set((h, w), 6, simd, kernel, stride, dilation, depthwise, ("auto", "distributed", "block")[(h + simd) % 3])
    for h, w in ((7, 6), (11, 13))
    for simd, depthwise in ((6, False), (2, True))
    for kernel, dilation in (((1, 2), (1, 1)), ((3, 1), (2, 1)), ((2, 3), (1, 2)), ((3, 3), (1, 1)))
    for stride in ((1, 1), (2, 1), (3, 4))
]


def graph_of(s: Set) -> tuple[Graph, ConvolutionInputGenerator]:
    op = ConvolutionInputGenerator("swg", ("x",), ("y",), s.kernel, s.stride, s.dilation, s.depthwise)
    shape = (*s.size, s.channels)
    x = Tensor("x", shape, s.dtype, s.dtype.min, s.dtype.max)
    y = replace(x, name="y", shape=output_shape(op, shape))
    return Graph("test", ("x",), ("y",), (op,), by_name((x, y))), op


def unit(s: Set, number: int, frames: int = 4) -> Unit:
    graph, op = graph_of(s)
    low = swg.lower(graph, op, Fold(1, s.simd, s.whole, ram_style=s.ram_style), s.dtype, None)
    rng = np.random.default_rng(number)
    x = rng.integers(s.dtype.min, s.dtype.max + 1, (frames, *s.size, s.channels))
    beats_in, beats_out = fold(x, low.in_lanes), fold(windows(op, x), low.out_lanes, low.out_window, low.out_group)
    assert low.work_beats == beats_out.shape[1]
    return Unit(
        f"swg{number}", low.module, low.params, beats_in, s.dtype.bits, beats_out, s.dtype,
        interval=max(beats_in.shape[1], beats_out.shape[1]),
    )  # fmt: skip


def units(sets: list[Set]) -> list[Unit]:
    return [unit(s, number) for number, s in enumerate(sets)]


def whole(sets: list[Set]) -> list[Unit]:
    made = units([replace(s, whole=True) for s in sets])
    assert {u.module for u in made} == {"swg_parallel"}
    return made


def smaller(u: Unit) -> Unit:
    """One pixel less of memory."""
    p = u.params
    return replace(u, params={**p, "DEPTH": int(p["DEPTH"]) - int(p["FOLDS"])})


def rounded(u: Unit) -> Unit:
    """With a memory of a power of two beats, whose addresses the positions are."""
    return replace(u, params={**u.params, "DEPTH": 1 << (int(u.params["DEPTH"]) - 1).bit_length()})


def half_rounded(sets: list[Set]) -> list[Unit]:
    made = [rounded(u) if number % 2 else u for number, u in enumerate(units(sets))]
    powers = [int(u.params["DEPTH"]).bit_count() == 1 for u in made]
    assert 0.4 < sum(powers) / len(powers) < 0.9
    return made


def span(u: Unit) -> int:
    """Beats from a window's first to its last: what DEPTH must hold."""
    p = {key: int(value) for key, value in u.params.items() if key != "RAM_STYLE"}
    return (((p["KH"] - 1) * p["DH"] * p["W"] + (p["KW"] - 1) * p["DW"]) + 1) * p["FOLDS"]


def test_grid(tmp_path: Path) -> None:
    check_grid(half_rounded(FAST), tmp_path)


@pytest.mark.slow
def test_large_grid(tmp_path: Path) -> None:
    assert len(SLOW) >= 40
    check_grid(half_rounded(SLOW), tmp_path)
    read_slang(half_rounded(SLOW), tmp_path / "slang")


def test_grid_of_whole_windows(tmp_path: Path) -> None:
    check_grid(whole(WHOLE), tmp_path)


@pytest.mark.slow
def test_large_grid_of_whole_windows(tmp_path: Path) -> None:
    check_large_grid(whole(SLOW_WHOLE), tmp_path)


def check_smallest(grid: list[Unit], folder: Path) -> None:
    """One pixel less either misses the interval (exactly reached with it, see check_grid), or is no window any more."""
    less = [smaller(u) for u in grid if int(smaller(u).params["DEPTH"]) >= span(u)]
    assert less, "every ring is just a window; the test shows nothing"
    measured = intervals(less, build(less, folder), folder / "run", frames=60)
    for u in less:
        assert u.interval is not None and measured[u.name] > u.interval, dict(u.params)


def test_ring_is_the_smallest(tmp_path: Path) -> None:
    check_smallest(units(FAST), tmp_path)


@pytest.mark.slow
def test_ring_is_the_smallest_in_a_large_grid(tmp_path: Path) -> None:
    check_smallest(units(SLOW), tmp_path)


def test_large_maps_are_sized_quickly() -> None:
    swg.min_pixels.cache_clear()
    start = time.process_time()
    pixels = swg.min_pixels((224, 224), (7, 7), (2, 2), (1, 1), 3, False)
    assert swg.min_pixels((224, 224), (3, 3), (1, 1), (1, 1), 8, True) < 5 * 224
    assert 6 * 224 + 7 <= pixels < 224 * 224 / 4
    assert time.process_time() - start < 2


def test_legal_foldings_divide_the_channels() -> None:
    graph, op = graph_of(Set((8, 8), 6, 1, (3, 3)))
    one = [Fold(1, simd) for simd in (1, 2, 3, 6)]
    assert swg.legal(graph, op) == (*one, Fold(1, 6, parallel_window=True))
    depthwise = replace(op, depthwise=True)
    assert swg.legal(graph, depthwise) == (*one, *(replace(f, parallel_window=True) for f in one))
    for fold_ in swg.legal(graph, op):
        assert swg.lower(graph, op, fold_, IntType(4, False), None).in_lanes == fold_.simd


@pytest.mark.parametrize(
    ("fold_", "message"),
    [
        (Fold(1, 4), "SIMD = 4 does not divide the channels = 6; legal values: 1, 2, 3, 6"),
        (Fold(2, 1), "has no PE"),
        (Fold(1, 2, parallel_window=True), "with parallel_window = 1, SIMD must be all 6 channels, not 2"),
        (Fold(1, 2, ram_style="ultra"), "ram_style = 'ultra'"),
    ],
)
def test_illegal_foldings_are_refused(fold_: Fold, message: str) -> None:
    graph, op = graph_of(Set((8, 8), 6, 1, (3, 3)))
    with pytest.raises(InfeasibleFolding, match=f"swg: .*{message}"):
        swg.lower(graph, op, fold_, IntType(4, False), None)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"DEPTH": 37}, "DEPTH"),
        ({"KH": 9}, "larger than the map"),
        ({"SW": 0}, "SW"),
        ({"RAM_STYLE": "flash"}, "RAM_STYLE"),
    ],
)
def test_illegal_parameters_are_refused(tmp_path: Path, changed: dict[str, int | str], message: str) -> None:
    good = unit(FAST[0], 0)
    assert span(good) == 38
    check_refused(good, changed, f"swg: .*{message}", tmp_path)
    if "DEPTH" not in changed:
        check_refused(whole(WHOLE[:1])[0], changed, f"swg_parallel: .*{message}", tmp_path / "whole")
