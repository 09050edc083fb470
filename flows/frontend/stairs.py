"""Quantizers as stairs over the reals, and the integer thresholds that put an affine channel on them, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from flows.frontend.exact import Affine, Quantizer
from flows.graph import IntType

Boundary = tuple[Fraction, bool]
"""Where a step begins, and whether the place itself belongs to the upper side."""


@dataclass(frozen=True)
class Channel:
    """One channel's value = clip(scale * integer + offset, low, high); None where there is no limit."""

    affine: Affine
    low: Fraction | None = None
    high: Fraction | None = None

    @property
    def scale(self) -> Fraction:
        return self.affine.scale

    @property
    def offset(self) -> Fraction:
        return self.affine.offset

    @property
    def linear(self) -> bool:
        return self.low is None and self.high is None

    def times(self, factor: Fraction) -> Channel:
        if factor == 0:
            return Channel(Affine(Fraction(0)))
        low, high = (None if v is None else v * factor for v in (self.low, self.high))
        return Channel(self.affine.times(factor), *((low, high) if factor > 0 else (high, low)))

    def plus(self, summand: Fraction) -> Channel:
        low, high = (None if v is None else v + summand for v in (self.low, self.high))
        return Channel(self.affine.plus(summand), low, high)

    def clipped(self, low: Fraction | None, high: Fraction | None) -> Channel:
        """min(max(value, low), high)."""

        def inside(v: Fraction) -> Fraction:
            v = v if low is None else max(v, low)
            return v if high is None else min(v, high)

        floor = low if self.low is None else inside(self.low)
        ceiling = high if self.high is None else inside(self.high)
        return Channel(self.affine, floor, ceiling)

    def turned(self, factor: int) -> Channel:
        """As a function of factor * integer, factor being -1 or 1; 0 for a channel that does not depend on it."""
        return replace(self, affine=replace(self.affine, scale=self.scale * factor))


@dataclass(frozen=True)
class Stairs:
    """code = lo + number of boundaries passed; value = scale * code + offset. `dtype` holds the codes.

    `unit`: what the framework calls one step, for codes that are stored otherwise (bipolar: value = unit * (2b - 1)).
    """

    boundaries: tuple[Boundary, ...]
    lo: int
    dtype: IntType
    scale: Fraction
    offset: Fraction = Fraction(0)
    unit: Fraction | None = None

    @property
    def hi(self) -> int:
        return self.lo + len(self.boundaries)


def rounding_stairs(quantizer: Quantizer) -> Stairs:
    """QONNX Quant: clip(round half to even(value / scale)). A tie goes to the even code."""
    codes = range(quantizer.lo + 1, quantizer.hi + 1)
    half = quantizer.scale / 2
    boundaries = tuple(((2 * code - 1) * half, code % 2 == 0) for code in codes)
    return Stairs(boundaries, quantizer.lo, IntType(quantizer.bits, quantizer.signed), quantizer.scale)


def bipolar_stairs(scale: Fraction, with_zero: bool) -> Stairs:
    """QONNX BipolarQuant: scale from 0 on, -scale below.

    Stored as one unsigned bit b with value = scale * (2b - 1), or, `with_zero`, as -1 and 1, where a code 0 has to
    mean the value 0 (zero padding).
    """
    if with_zero:
        return Stairs(((Fraction(0), True),) * 2, -1, IntType(2, True), scale, unit=scale)
    return Stairs(((Fraction(0), True),), 0, IntType(1, False), 2 * scale, -scale, unit=scale)


def channel_steps(channel: Channel, stairs: Stairs, lo: int, hi: int) -> list[int]:
    """Per boundary the smallest integer of [lo, hi] that passes it: `lo` where all do, `hi` + 1 where none does.

    `channel.scale` >= 0. A clipped value passes what its limit passes.
    """
    if channel.scale < 0:
        raise ValueError("a falling channel has no thresholds; change the sign of its weights first")
    found = []
    for place, inclusive in stairs.boundaries:
        if channel.low is not None and _passes(channel.low, place, inclusive):
            found.append(lo)
        elif channel.high is not None and not _passes(channel.high, place, inclusive):
            found.append(hi + 1)
        elif channel.scale == 0:
            found.append(lo if _passes(channel.offset, place, inclusive) else hi + 1)
        else:
            at = (place - channel.offset) / channel.scale
            smallest = -(-at.numerator // at.denominator) if inclusive else at.numerator // at.denominator + 1
            found.append(min(max(smallest, lo), hi + 1))
    return found


def _passes(value: Fraction, place: Fraction, inclusive: bool) -> bool:
    return value >= place if inclusive else value > place


def step_rows(channels: Sequence[Channel], stairs: Sequence[Stairs], lo: int, hi: int) -> list[list[int]]:
    """`channel_steps` of every channel with its own stairs; equal channels are worked out once."""
    known: dict[tuple[Channel, int], list[int]] = {}
    rows = []
    for channel, own in zip(channels, stairs, strict=True):
        key = channel, id(own)
        if key not in known:
            known[key] = channel_steps(channel, own, lo, hi)
        rows.append(known[key])
    return rows
