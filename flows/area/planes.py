"""The adders of `mvau_lane.sv` and `mvau_plane.sv`, counted LUT by LUT: what MVAU and VVAU multiply with.

Where the weights are known, what is constant in every word costs less, and a sum that is made of the same bits of the
same inputs is made once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from flows.adders.cost import adder_luts
from flows.graph import IntType

CHAIN = 4
"""Rows of a carry chain, as in mvau_plane.sv."""


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

    def node(self, low: int, upto: int) -> IntType:
        """The sum of the planes from `low` on; the highest plane alone stays positive."""
        top = upto == self.weight_bits and upto - low > 1
        return IntType(self.node_bits(low, upto, top), self.signed or top)

    def bits_of(self, first: int, count: int, most: int) -> int:
        """Of the sum of `count` inputs from `first` on, as in mvau_plane.sv."""
        inputs = min(count, self.simd - first)
        if self.signed:
            return min(self.input_bits + (inputs - 1).bit_length(), most)
        return min((inputs * ((1 << self.input_bits) - 1)).bit_length(), most)


Sum = tuple[object, ...]
"""What a sum is made of: equal for equal sums; one entry alone for zero."""


@dataclass
class Adders:
    """Counts the LUTs of lanes: of rows in front of carry chains or alone, of joins of chains, of trees."""

    luts: float = 0.0
    again: float = 0.0
    """LUTs of the same sums made again, which Yosys does not always see."""
    pairs: set[Sum] = field(default_factory=set)
    """Neighbouring inputs whose sum is needed."""
    _seen: set[Sum] = field(default_factory=set)

    def _add(self, made: Sum, luts: float) -> None:
        if made in self._seen:
            self.again += luts
        else:
            self._seen.add(made)
            self.luts += luts

    def lane(self, lane: Lane, columns: Sequence[int], at: object) -> Sum:
        """Adds a lane up to its dot product. `columns`: of every bit of its weights; `at` names its inputs."""
        sums = [self._plane(lane, bit, columns[bit :: lane.weight_bits], at) for bit in range(lane.weight_bits)]
        if lane.weight_bits == 1:
            made = ("negative", *sums[0])
            if len(sums[0]) > 1:
                self._add(made, lane.dot_bits)
            return made if len(sums[0]) > 1 else sums[0]
        span = 1
        while span < lane.weight_bits:
            joined = []
            for place in range(0, len(sums), 2):
                low = place * span
                if place + 1 == len(sums):
                    joined.append(sums[place])
                    continue
                joined.append(self._join(lane, low, span, sums[place], sums[place + 1]))
            sums, span = joined, 2 * span
        return sums[0]

    def _join(self, lane: Lane, low: int, span: int, even: Sum, odd: Sum) -> Sum:
        """even + (odd << span), or their difference where odd is the highest plane alone."""
        subtract = low + span == lane.weight_bits - 1
        if len(odd) == 1:
            return even
        made = ("shifted", subtract, span, odd, even)
        if len(even) > 1 or subtract:
            end = min(low + 2 * span, lane.weight_bits)
            types = lane.node(low, low + span), lane.node(low + span, end)
            self._add(made, adder_luts(subtract, types[0], 0, types[1], span, lane.node(low, end).bits))
        return made

    def _plane(self, lane: Lane, bit: int, columns: Sequence[int], at: object) -> Sum:
        most = lane.node_bits(bit, bit + 1, False)
        rows = (lane.simd + 1) // 2
        chains = [
            self._chain(lane, first, min(first + CHAIN, rows), columns, at, most) for first in range(0, rows, CHAIN)
        ]
        span = 2 * CHAIN
        while len(chains) > 1:
            joined = []
            for place in range(0, len(chains), 2):
                one, two = chains[place], chains[place + 1] if place + 1 < len(chains) else (at,)
                if len(one) == 1 or len(two) == 1:
                    joined.append(one if len(two) == 1 else two)
                    continue
                joined.append(("join", one, two))
                self._add(joined[-1], lane.bits_of(place * span, 2 * span, most))
            chains, span = joined, 2 * span
        return chains[0]

    def _chain(self, lane: Lane, first: int, end: int, columns: Sequence[int], at: object, most: int) -> Sum:
        made: Sum = (at,)
        for row in range(first, end):
            pair = tuple(columns[2 * row : 2 * row + 2])
            if not any(pair):
                continue
            before, made = made, (*made, (row, pair))
            both = len(pair) == 2 and all(pair)
            if both:
                self.pairs.add((at, row))
            bits = lane.bits_of(2 * first, 2 * (row - first) + 2, most)
            if len(before) > 1:
                low = min(lane.input_bits + 1, bits)
                above = bits - low if lane.bits_of(2 * first, 2 * (row - first), most) > low else 0
                self._add(made, bits + 1 if lane.signed else low + above)
            elif max(pair) > 1:
                # One input that a bit selects: the next adder takes it in, or it is the reset of the register behind.
                alone = len(pair) == 1 or (lane.simd <= 2 and not both)
                self._add(made, 1 if alone else min(lane.input_bits + both, bits))
        return made
