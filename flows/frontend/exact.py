"""Scales and quantizers in exact rational arithmetic: no float32 rounding between the file and the hardware."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import isqrt

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
