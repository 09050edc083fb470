"""The adders of `mvau_lane.sv` and `mvau_plane.sv`, counted LUT by LUT: what MVAU and VVAU multiply with.

Where the weights are known, what is constant in every word costs less, and a sum that is made of the same bits of the
same inputs is made once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

CHAIN = 4
"""Rows of a carry chain, as in mvau_plane.sv."""
Column = Sequence[int]


@dataclass(frozen=True)
class Lane:
    """The parameters of an `mvau_lane`."""

    simd: int
    weight_bits: int
    input_bits: int
    signed: bool
    acc_bits: int

    @property
    def _range(self) -> tuple[int, int]:
        """Of a plane."""
        low = -self.simd << (self.input_bits - 1) if self.signed else 0
        return low, self.simd * ((1 << (self.input_bits - self.signed)) - 1)

    def node_bits(self, low: int, upto: int, negative: bool) -> int:
        """As in mvau_lane.sv."""
        p_low, p_high = self._range
        top = 1 << (upto - low - 1)
        smallest = (top - 1) * p_low + (-top * p_high if negative else top * p_low)
        largest = (top - 1) * p_high + (-top * p_low if negative else top * p_high)
        if smallest < 0:
            bits = max((-smallest - 1).bit_length(), largest.bit_length()) + 1
        else:
            bits = max(largest.bit_length(), 1)
        return max(1, min(bits, self.acc_bits - low))

    @property
    def dot_bits(self) -> int:
        return self.node_bits(0, self.weight_bits, True)

    def tree(self) -> int:
        """LUTs of the adders that make the dot product of the planes' sums."""
        luts, level = (self.dot_bits if self.weight_bits == 1 else 0), 1
        while 1 << (level - 1) < self.weight_bits:
            shift = (1 << level) // 2
            for k in range(-(-self.weight_bits // (1 << level))):
                low, end = k << level, min((k + 1) << level, self.weight_bits)
                if low + shift < self.weight_bits:
                    bits = self.node_bits(low, end, end == self.weight_bits)
                    luts += max(0, bits - shift)
            level += 1
        return luts

    def bits_of(self, first: int, count: int, most: int) -> int:
        """Of the sum of `count` inputs from `first` on, as in mvau_plane.sv."""
        inputs = min(count, self.simd - first)
        if self.signed:
            return min(self.input_bits + (inputs - 1).bit_length(), most)
        return min((inputs * ((1 << self.input_bits) - 1)).bit_length(), most)


@dataclass
class Count:
    """LUTs of all planes: `rows` in front of carry chains or alone, `joins` of chains."""

    rows: float = 0.0
    firsts: float = 0.0
    joins: float = 0.0
    pairs: float = 0.0


def plane(lane: Lane, bit: int, columns: Column, seen: set[object], count: Count, used: set[object], at: object) -> None:
    """Adds one plane to `count`: `columns` of the weights' bit `bit`, input by input; `at` names the inputs.

    `seen`: the sums that are there already; `used`: pairs of inputs whose sum is needed.
    """
    most = lane.node_bits(bit, bit + 1, False)
    rows = (lane.simd + 1) // 2
    chains: list[tuple[object, ...]] = []
    for first in range(0, rows, CHAIN):
        made: tuple[object, ...] = (at,)
        for row in range(first, min(first + CHAIN, rows)):
            pair = tuple(columns[2 * row : 2 * row + 2])
            if not any(pair):
                continue
            made, before = (*made, (row, pair)), made
            if len(pair) == 2 and all(pair):
                used.add((at, row))
            if made in seen:
                continue
            seen.add(made)
            bits = lane.bits_of(2 * first, 2 * (row - first) + 2, most)
            wide = min(lane.input_bits + (len(pair) == 2 and all(pair)), bits)
            if len(before) > 1:
                count.rows += bits
            elif max(pair) > 1:
                count.firsts += wide
        chains.append(made)
    level = 0
    while len(chains) > 1:
        joined = []
        for k in range(0, len(chains), 2):
            one, two = chains[k], chains[k + 1] if k + 1 < len(chains) else (at,)
            whole = one if len(two) == 1 else two if len(one) == 1 else ("join", one, two)
            if whole not in seen and len(one) > 1 and len(two) > 1:
                seen.add(whole)
                count.joins += lane.bits_of((k // 2) * 2 * CHAIN << (level + 1), 2 * CHAIN << (level + 1), most)
            joined.append(whole)
        chains, level = joined, level + 1
