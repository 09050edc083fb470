"""Value ranges are exact, in integers, and cover partial sums in any order."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from flows.errors import UnsupportedModel
from flows.graph import Add, Concat, FMPadding, GlobalAccPool, IntType, LabelSelect, Op, Pool, Tensor, Thresholding
from flows.ranges import mvau_channel_ranges, propagate


@pytest.mark.parametrize(("lo", "hi"), [(0, 3), (-2, 1), (1, 3), (-3, -1)])
def test_ranges_are_those_of_all_inputs_and_partial_sums(lo: int, hi: int) -> None:
    weights = np.random.default_rng(10 + lo + hi).integers(-3, 4, (4, 3))
    low, high = mvau_channel_ranges(weights, lo, hi)
    allowed = sorted({0, *range(lo, hi + 1)})  # an input not added yet counts as 0
    sums = np.array(list(itertools.product(allowed, repeat=4))) @ weights
    np.testing.assert_array_equal(low, sums.min(axis=0))
    np.testing.assert_array_equal(high, sums.max(axis=0))
    assert low.dtype == high.dtype == np.int64


def test_sums_beyond_float64_are_exact() -> None:
    weights = np.array([[1 << 40], [(1 << 40) + 1]])
    low, high = mvau_channel_ranges(weights, -1, (1 << 20) - 1)
    assert int(high[0]) == ((1 << 41) + 1) * ((1 << 20) - 1) and int(low[0]) == -((1 << 41) + 1)


def test_sums_beyond_63_bits_are_refused() -> None:
    with pytest.raises(UnsupportedModel, match="63 bits"):
        mvau_channel_ranges(np.array([[1 << 40]]), 0, 1 << 30)


def test_weights_are_integers() -> None:
    with pytest.raises(ValueError, match="integers"):
        mvau_channel_ranges(np.ones((2, 2)), 0, 1)  # type: ignore[arg-type]


def test_operators() -> None:
    ends = ("op", ("x",), ("y",))

    def of(lo: int, hi: int) -> Tensor:
        return Tensor("x", (2, 2, 3), IntType(8, True), lo, hi)

    assert propagate(FMPadding(*ends, pad=(1, 0, 0, 0)), of(2, 5)) == (0, 5)
    assert propagate(FMPadding(*ends, pad=(0, 0, 0, 0)), of(2, 5)) == (2, 5)
    assert propagate(Pool(*ends, window=4), of(-2, 5)) == (-2, 5)
    assert propagate(LabelSelect(*ends), of(-2, 5)) == (0, 2)
    thresholds = np.array([[-9, 0, 4], [3, 4, 9]])
    assert propagate(Thresholding(*ends, thresholds=thresholds, out_bias=-1), of(-5, 4)) == (-1, 2)
    assert propagate(Pool(*ends, window=4, function="sum"), of(2, 5)) == (0, 20)
    assert propagate(GlobalAccPool(*ends), of(-2, 5)) == (-8, 20)
    assert propagate(Add("op", ("x", "x"), ("y",), factors=(2, -3)), of(-2, 5), of(1, 4)) == (-16, 7)
    assert propagate(Concat("op", ("x", "x"), ("y",)), of(-2, 3), of(1, 4)) == (-2, 4)
    with pytest.raises(UnsupportedModel, match=r"op: .*Op"):
        propagate(Op(*ends), of(0, 1))
