"""Integer arithmetic of the accumulator bounds, for the (outputs, fan-in) weights of training. No floats anywhere.

The formulas are the build's own (`flows.accumulators`, `flows.ranges`): one bound on both sides of the contract.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from a2qplus_train.config import Method
from flows.accumulators import l1_bound
from flows.graph import IntType
from flows.ranges import mvau_channel_ranges


@lru_cache
def l1_budget(method: Method, accumulator_bits: int, input_bits: int, input_signed: bool) -> Fraction:
    """Largest ℓ1 norm T of the weights of one output channel, in steps, exact (`flows.accumulators.l1_bound`).

    Raises ValueError for a method without a budget.
    """
    return l1_bound(method, accumulator_bits, IntType(input_bits, input_signed))


@lru_cache
def sign_budget(method: Method, accumulator_bits: int, input_bits: int, input_signed: bool) -> int:
    """Largest sum of the positive (and of the negative) integer weights of one output channel.

    A2Q+ gives each sign half of the ℓ1 budget, because that is what centring does before rounding; a channel that
    keeps to both halves keeps to the accumulator for every order of the partial sums. A2Q lets one sign take all.
    """
    budget = l1_budget(method, accumulator_bits, input_bits, input_signed)
    return int(budget / 2 if method == "a2q+" else budget)


def integer_range(bits: int, signed: bool) -> tuple[int, int]:
    """Smallest and largest value of an integer type of `bits` bits (two's complement where signed)."""
    kind = IntType(bits, signed)
    return kind.min, kind.max


def accumulator_range(
    weights: NDArray[np.int64], input_min: int, input_max: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Exact range of every partial sum, in any order, of each output channel (`flows.ranges.mvau_channel_ranges`).

    weights: int64 (outputs, fan-in). The input range is widened to hold 0, so that partial sums and zero padding are
    covered. Returns (acc_min, acc_max), int64 (outputs,).
    """
    return mvau_channel_ranges(weights.T, input_min, input_max)


def bits_for(low: int, high: int) -> int:
    """Narrowest two's complement width that holds both `low` <= 0 and `high` >= 0."""
    return IntType.for_range(low, high, signed=True).bits
