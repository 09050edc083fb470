"""Integer arithmetic of the accumulator bounds: budgets and exact ranges. No floats where a bound is decided."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from a2qplus_train.config import Method


def l1_budget(method: Method, accumulator_bits: int, input_bits: int, input_signed: bool) -> Fraction:
    """Largest ℓ1 norm T of the integer weights of one output channel, exact.

    A2Q (arXiv 2301.13376, eq. 15): (2^(P-1) - 1) * 2^(signed - N). A2Q+ (arXiv 2401.10432, eq. 8):
    (2^P - 2) / (2^N - 1), for weights whose positive and negative mass are equal before rounding.

    Raises ValueError for a method without a budget.
    """
    if method == "a2q":
        return Fraction((2 ** (accumulator_bits - 1) - 1) * 2**input_signed, 2**input_bits)
    if method == "a2q+":
        return Fraction(2**accumulator_bits - 2, 2**input_bits - 1)
    raise ValueError(f"method {method!r} has no ℓ1 budget")


def sign_budget(method: Method, accumulator_bits: int, input_bits: int, input_signed: bool) -> int:
    """Largest sum of the positive (and of the negative) integer weights of one output channel.

    A2Q+ gives each sign half of the ℓ1 budget, because that is what centring does before rounding; a zero-sum
    channel that keeps to both halves keeps to the accumulator for every order of the partial sums. A2Q lets one sign
    take all.
    """
    budget = l1_budget(method, accumulator_bits, input_bits, input_signed)
    return int(budget / 2 if method == "a2q+" else budget)


def integer_range(bits: int, signed: bool) -> tuple[int, int]:
    """Smallest and largest value of an integer type of `bits` bits (two's complement where signed)."""
    return (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)


def accumulator_range(
    weights: NDArray[np.int64], input_min: int, input_max: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Exact range of every partial sum, in any order, of each output channel.

    weights: int64 (outputs, fan-in). The input range is widened to hold 0, so that partial sums and zero padding are
    covered. Returns (acc_min, acc_max), int64 (outputs,).
    """
    low, high = min(input_min, 0), max(input_max, 0)
    positive = np.where(weights > 0, weights, 0).sum(axis=1)
    negative = np.where(weights < 0, -weights, 0).sum(axis=1)
    return low * positive - high * negative, high * positive - low * negative


def bits_for(low: int, high: int) -> int:
    """Narrowest two's complement width that holds both `low` <= 0 and `high` >= 0."""
    return max(high.bit_length(), (-low - 1).bit_length() if low < 0 else 0) + 1
