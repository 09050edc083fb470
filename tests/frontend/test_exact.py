"""Exact thresholds: against the definition, at ties, and where float32 would put them elsewhere."""

from __future__ import annotations

import random
from decimal import ROUND_HALF_EVEN, Decimal, getcontext
from fractions import Fraction

import numpy as np
import pytest

from flows.frontend.exact import Affine, Quantizer, sqrt
from flows.frontend.pass_check import doubtful_places
from flows.frontend.stairs import Channel, channel_steps, rounding_stairs, step_rows

UINT3 = Quantizer(Fraction(1), 3, False, False)
INT3 = Quantizer(Fraction(1), 3, True, False)


def channel_thresholds(affine: Affine, quantizer: Quantizer, lo: int, hi: int) -> list[int]:
    return channel_steps(Channel(affine), rounding_stairs(quantizer), lo, hi)


def code(affine: Affine, quantizer: Quantizer, integer: int) -> int:
    """The definition, in fractions: clip(round half to even(value / scale))."""
    value = (affine.scale * integer + affine.offset) / quantizer.scale
    return min(max(round(value), quantizer.lo), quantizer.hi)


def test_ties_go_to_the_even_code() -> None:
    """y = acc / 2: 1/2 is 0, 3/2 is 2, 5/2 is 2, 7/2 is 4, ..."""
    assert channel_thresholds(Affine(Fraction(1, 2)), UINT3, -20, 20) == [2, 3, 6, 7, 10, 11, 14]


def test_ties_of_negative_codes_go_to_the_even_code() -> None:
    """Boundaries at -7/2 (to -4), -5/2 (to -2), -3/2 (to -2), -1/2 (to 0), 1/2 (to 0), ..."""
    assert channel_thresholds(Affine(Fraction(1, 2)), INT3, -20, 20) == [-6, -5, -2, -1, 2, 3, 6]


@pytest.mark.parametrize("seed", range(20))
def test_thresholds_are_the_definition(seed: int) -> None:
    draw = random.Random(seed)
    scale = Fraction(float(np.float32(2.0 ** draw.uniform(-6, 3))))
    affine = Affine(scale, Fraction(float(np.float32(draw.uniform(-40, 40)))))
    if seed % 3 == 0:  # on a grid of ties
        affine = Affine(Fraction(1, draw.choice((1, 2, 4))), Fraction(draw.randrange(-9, 9), 2))
    signed = bool(seed % 2)
    step = Fraction(draw.choice((1, 2)), 2) if seed % 3 == 0 else Fraction(float(np.float32(draw.uniform(0.1, 3))))
    quantizer = Quantizer(step, 4, signed, bool(seed % 5 == 0))
    lo, hi = -300, 300
    found = channel_thresholds(affine, quantizer, lo, hi)
    assert len(found) == quantizer.hi - quantizer.lo
    for integer in range(lo, hi + 1):
        assert quantizer.lo + sum(integer >= t for t in found) == code(affine, quantizer, integer)


@pytest.mark.parametrize(
    "offset", [Fraction(-9), Fraction(1, 2), Fraction(3, 2), Fraction(2), Fraction(5, 2), Fraction(99)]
)
@pytest.mark.parametrize("quantizer", [UINT3, INT3])
def test_constant_channels_use_sentinels(offset: Fraction, quantizer: Quantizer) -> None:
    affine = Affine(Fraction(0), offset)
    found = channel_thresholds(affine, quantizer, -10, 20)
    assert set(found) <= {-10, 21} and found == sorted(found)
    for integer in (-10, 0, 20):
        assert quantizer.lo + sum(integer >= t for t in found) == code(affine, quantizer, integer)


def test_falling_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="falling"):
        channel_thresholds(Affine(Fraction(-1)), UINT3, 0, 1)


def test_thresholds_beyond_float32_are_exact() -> None:
    """y = acc - 2**-20 passes 1000 from acc = 1001 on; in float32, 1000 + 2**-20 is 1000."""
    quantizer = Quantizer(Fraction(2000), 1, False, False)
    affine = Affine(Fraction(1)).plus(-Fraction(1, 1 << 20))
    assert np.float32(1000) + np.float32(2.0**-20) == np.float32(1000)
    assert channel_thresholds(affine, quantizer, 0, 5000) == [1001]
    assert doubtful_places(Channel(affine), rounding_stairs(quantizer)) == [1000]


def test_large_accumulators_are_exact() -> None:
    affine = Affine(Fraction(1, 3), Fraction(1, 7))
    quantizer = Quantizer(Fraction(10**15), 2, False, False)
    found = channel_thresholds(affine, quantizer, -(10**17), 10**17)
    for number, integer in enumerate(found, start=1):
        assert code(affine, quantizer, integer) == number
        assert code(affine, quantizer, integer - 1) == number - 1


def test_only_places_near_boundaries_are_doubtful() -> None:
    """A boundary at 10.25 leaves no doubt, one at exactly 10 does (which way a tie goes)."""
    single, tie = (rounding_stairs(Quantizer(Fraction(step), 1, False, False)) for step in (41, 40))
    assert doubtful_places(Channel(Affine(Fraction(2))), single) == []
    assert doubtful_places(Channel(Affine(Fraction(2))), tie) == [10]


def test_normalization_with_60_digits() -> None:
    """gamma * (acc - mean) / sqrt(var + eps) + beta, against decimal arithmetic with 100 digits."""
    getcontext().prec = 100
    draw = random.Random(3)
    for _ in range(20):
        gamma, beta, mean, variance = (float(np.float32(draw.uniform(0.01, 2))) for _ in range(4))
        epsilon = float(np.float32(1e-5))
        deviation = sqrt(Fraction(variance) + Fraction(epsilon))
        affine = Affine(Fraction(1, 64)).plus(-Fraction(mean)).times(Fraction(gamma) / deviation).plus(Fraction(beta))
        quantizer = Quantizer(Fraction(float(np.float32(draw.uniform(0.05, 0.5)))), 4, False, False)
        found = channel_thresholds(affine, quantizer, -(10**6), 10**6)
        root = (Decimal(variance) + Decimal(epsilon)).sqrt()
        scale = Decimal(quantizer.scale.numerator) / Decimal(quantizer.scale.denominator)
        for number, threshold in enumerate(found, start=1):
            for integer, passes in ((threshold, True), (threshold - 1, False)):
                y = Decimal(gamma) * (Decimal(integer) / 64 - Decimal(mean)) / root + Decimal(beta)
                assert ((y / scale).to_integral_value(ROUND_HALF_EVEN) >= number) == passes


def test_square_roots() -> None:
    assert sqrt(Fraction(9, 16)) == Fraction(3, 4)
    assert sqrt(Fraction(0)) == 0
    two = sqrt(Fraction(2))
    assert 0 < Fraction(2) - two * two < Fraction(1, 10**60)
    tiny = Fraction(float(np.float32(1e-38)))
    assert abs(sqrt(tiny) ** 2 / tiny - 1) < Fraction(1, 10**50)
    with pytest.raises(ValueError, match="negative"):
        sqrt(Fraction(-1))


def test_rows_of_channels() -> None:
    channels = [Channel(Affine(Fraction(1))), Channel(Affine(Fraction(1, 2)))]
    found = step_rows(channels, [rounding_stairs(UINT3)] * 2, -20, 20)
    assert [len(row) for row in found] == [7, 7]
    np.testing.assert_array_equal(found[0], [1, 2, 3, 4, 5, 6, 7])
