"""Thresholds and scales in exact rational arithmetic: no float32 rounding between the file and the hardware."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt

import numpy as np

from flows.graph import IntArray

SQRT_BITS = 320
"""Binary digits after the point of square roots: over 60 decimal digits for any float32 variance and epsilon."""


def sqrt(value: Fraction) -> Fraction:
    """Square root, exact where it is a binary fraction, else rounded down to SQRT_BITS binary digits."""
    if value < 0:
        raise ValueError(f"square root of the negative {float(value)}")
    return Fraction(isqrt((value.numerator << (2 * SQRT_BITS)) // value.denominator), 1 << SQRT_BITS)


@dataclass(frozen=True)
class Affine:
    """One channel's value = scale * integer + offset. `terms` bounds the magnitude of what was summed to `offset`."""

    scale: Fraction
    offset: Fraction = Fraction(0)
    terms: Fraction = Fraction(0)

    def times(self, factor: Fraction) -> Affine:
        return Affine(self.scale * factor, self.offset * factor, self.terms * abs(factor))

    def plus(self, summand: Fraction) -> Affine:
        return Affine(self.scale, self.offset + summand, self.terms + abs(summand))

    def normalized(self, gamma: Fraction, beta: Fraction, mean: Fraction, deviation: Fraction) -> Affine:
        """Batch normalization: gamma * (value - mean) / deviation + beta."""
        return self.plus(-mean).times(gamma / deviation).plus(beta)


@dataclass(frozen=True)
class Quantizer:
    """value = scale * code, codes in [lo, hi] of `bits` bits; rounding half to even, then clipping (QONNX Quant)."""

    scale: Fraction
    bits: int
    signed: bool
    narrow: bool

    @property
    def lo(self) -> int:
        return -(1 << (self.bits - 1)) + self.narrow if self.signed else 0

    @property
    def hi(self) -> int:
        return (1 << (self.bits - 1)) - 1 if self.signed else (1 << self.bits) - 1 - self.narrow


def channel_thresholds(affine: Affine, quantizer: Quantizer, lo: int, hi: int) -> list[int]:
    """Per code above the lowest, ascending: the smallest integer that the quantizer maps to that code or above.

    `affine.scale` >= 0; the integers are in [lo, hi]. A code that all of them reach has threshold `lo`, one that
    none reaches `hi` + 1. A value in the middle between two codes goes to the even one.
    """
    if affine.scale < 0:
        raise ValueError("a falling channel has no thresholds; change the sign of its weights first")
    step, shift, common = _boundaries(affine, quantizer)
    found = []
    for code in range(quantizer.lo + 1, quantizer.hi + 1):
        place = (2 * code - 1) * step - shift  # boundary below `code` = place / common, in integers of the source
        if affine.scale == 0:
            passed = place < 0 or (place == 0 and code % 2 == 0)
            found.append(lo if passed else hi + 1)
            continue
        smallest = -(-place // common) if code % 2 == 0 else place // common + 1
        found.append(min(max(smallest, lo), hi + 1))
    return found


def float_threshold_range(affine: Affine, quantizer: Quantizer, relative_error: Fraction) -> tuple[IntArray, IntArray]:
    """(lowest, highest), int64 per code above the lowest: integer thresholds that rounded arithmetic may arrive at.

    `relative_error` is what every term may be off by; a tie may go either way. `affine.scale` > 0.
    """
    step, shift, common = (v << 64 for v in _boundaries(affine, quantizer))  # finer than the slack's own rounding
    terms = int(affine.terms * common / affine.scale) + 1
    below, above = [], []
    for code in range(quantizer.lo + 1, quantizer.hi + 1):
        place = (2 * code - 1) * step - shift
        slack = int((abs(2 * code - 1) * step + terms) * relative_error) + 1
        below.append(-((slack - place) // common))
        above.append((place + slack) // common + 1)
    return _within_int64(below), _within_int64(above)


def _within_int64(values: list[int]) -> IntArray:
    bound = 1 << 62
    return np.array([min(max(v, -bound), bound) for v in values], dtype=np.int64)


def _boundaries(affine: Affine, quantizer: Quantizer) -> tuple[int, int, int]:
    """(step, shift, common): code's lower boundary is ((2 code - 1) step - shift) / common source integers.

    For a constant channel it is ((2 code - 1) step - shift) / common in units of the value, and its sign matters.
    """
    half, offset = quantizer.scale / 2, affine.offset
    if affine.scale != 0:
        half, offset = half / affine.scale, offset / affine.scale
    common = half.denominator * offset.denominator
    return int(half * common), int(offset * common), common


def thresholds(channels: Sequence[Affine], quantizer: Quantizer, lo: int, hi: int) -> IntArray:
    """`channel_thresholds` of every channel, int64 (C, codes - 1)."""
    rows = [channel_thresholds(affine, quantizer, lo, hi) for affine in channels]
    return np.array(rows, dtype=np.int64).reshape(len(rows), quantizer.hi - quantizer.lo)
