"""One attempt at a small adder graph: pairs of digits that occur several times become values, the rest is summed up.

The pair of digits (two values, their distance in bits, whether their signs agree) whose repeated sums take the most
LUTs becomes a value of its own, again and again, until none occurs twice (Hartley, "Subexpression sharing in filters
using canonic signed digit multipliers", 1996; weighed by the bits that both have, as in Sun et al., "da4ml", 2025).
What is left of every output is summed by a tree that joins the narrowest term with the one that is cheapest to add.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from random import Random

import numpy as np

from flows.adders.cost import adder_luts
from flows.adders.digits import ways
from flows.adders.graph import AdderGraph, Kind, Node, Term, value_range
from flows.graph import IntArray, IntType

Digit = tuple[int, int]
"""(value, shift)"""
Pattern = tuple[int, int, int, int]
"""(low value, high value, shift of the high one, 1 where the signs agree and -1 where not)"""


class Attempt:
    """`rows[c]` {digit: sign} is what output c still sums; `members[pattern]` counts the pair in every row.

    The weights' digits are written in the way `way` of `digits.ways`, or with None in a way drawn for every weight.
    `noise`: how far, at most, a draw raises the weight of a pair. All draws come from `random`.
    """

    def __init__(
        self, weights: IntArray, in_type: IntType, lo: int, hi: int, way: int | None, noise: float, random: Random
    ) -> None:
        self.lo, self.hi = lo, hi
        self.noise, self.random = noise, random
        self.inputs: int = weights.shape[0]
        self.nodes: list[Node] = []
        self.vectors: list[IntArray] = list(np.eye(self.inputs, dtype=np.int64))
        self.types: list[IntType] = [in_type] * self.inputs
        self.depth: list[int] = [0] * self.inputs
        self.known: dict[Pattern, int] = {}
        self.costs: dict[Pattern, int] = {}
        self.weighed: dict[Pattern, float] = {}
        self.counts: dict[Pattern, int] = defaultdict(int)
        self.members: dict[Pattern, dict[int, int]] = defaultdict(dict)
        self.heap: list[tuple[float, int, Pattern]] = []
        self.rows: list[dict[Digit, int]] = [{} for _ in range(weights.shape[1])]
        for c in range(weights.shape[1]):
            for r in range(self.inputs):
                written = ways(int(weights[r, c]))
                chosen = random.randrange(len(written)) if way is None else min(way, len(written) - 1)
                for shift, sign in written[chosen]:
                    self._insert(c, r, shift, sign)

    def run(self) -> AdderGraph:
        """The graph."""
        self._share()
        outputs = tuple(self._sum_up(row) for row in self.rows)
        return AdderGraph(self.inputs, self.types[0], tuple(self.nodes), outputs)

    def _share(self) -> None:
        """Makes a value of every pair that is worth it."""
        while self.heap:
            score, _, pattern = heapq.heappop(self.heap)
            count = self.counts[pattern]
            if count < 2:
                continue
            if -score != self._score(pattern, count):
                self._push(pattern)
                continue
            self._replace(pattern)

    def _replace(self, pattern: Pattern) -> None:
        low, high, distance, relative = pattern
        new = self._node(pattern)
        for c in sorted(self.members[pattern]):
            row = self.rows[c]
            for value, shift in sorted(row):
                other = (high, shift + distance)
                if value != low or (low, shift) not in row or other not in row or other == (low, shift):
                    continue
                sign = row[low, shift]
                if row[other] != relative * sign:
                    continue
                self._remove(c, low, shift)
                self._remove(c, *other)
                self._insert(c, new, shift, sign)
        # What overlapped with itself is still there, but no longer worth a second look.
        self.counts[pattern] = 0

    def _score(self, pattern: Pattern, count: int) -> float:
        if pattern not in self.weighed:
            drawn = 1 + self.noise * self.random.random() if self.noise else 1.0
            self.weighed[pattern] = self._cost(pattern) * drawn
        return (count - 1) * self.weighed[pattern]

    def _push(self, pattern: Pattern) -> None:
        low, high = pattern[:2]
        count = self.counts[pattern]
        if count >= 2:
            heapq.heappush(self.heap, (-self._score(pattern, count), max(self.depth[low], self.depth[high]), pattern))

    def _cost(self, pattern: Pattern) -> int:
        """LUTs of the adder of `pattern`; none takes less than one, so that every repetition counts."""
        if pattern not in self.costs:
            low, high, distance, relative = pattern
            one, two = self.types[low], self.types[high]
            # Wide enough for any result: a copy of a sign more or less costs nothing.
            bits = max(one.bits, two.bits + distance) + 2
            self.costs[pattern] = max(adder_luts(relative < 0, one, 0, two, distance, bits), 1)
        return self.costs[pattern]

    def _pair(self, one: Digit, one_sign: int, two: Digit, two_sign: int) -> Pattern:
        if (one[1], one[0]) > (two[1], two[0]):
            one, two = two, one
        return one[0], two[0], two[1] - one[1], one_sign * two_sign

    def _insert(self, c: int, value: int, shift: int, sign: int) -> None:
        row, digit = self.rows[c], (value, shift)
        if digit in row:  # twice the same is one of the next weight
            same = row[digit] == sign
            self._remove(c, value, shift)
            if same:
                self._insert(c, value, shift + 1, sign)
            return
        for other, other_sign in row.items():
            pattern = self._pair(digit, sign, other, other_sign)
            self.counts[pattern] += 1
            self.members[pattern][c] = self.members[pattern].get(c, 0) + 1
            if self.counts[pattern] >= 2:
                self._push(pattern)
        row[digit] = sign

    def _remove(self, c: int, value: int, shift: int) -> None:
        row, digit = self.rows[c], (value, shift)
        sign = row.pop(digit)
        for other, other_sign in row.items():
            pattern = self._pair(digit, sign, other, other_sign)
            self.counts[pattern] -= 1
            members = self.members[pattern]
            members[c] -= 1
            if not members[c]:
                del members[c]

    def _node(self, pattern: Pattern) -> int:
        """The value low + relative * (high << distance), made where it is new."""
        if pattern in self.known:
            return self.known[pattern]
        low, high, distance, relative = pattern
        vector = self.vectors[low] + relative * (self.vectors[high] << distance)
        kind = Kind.ADD if relative > 0 else Kind.SUBTRACT
        self.known[pattern] = self._append(vector, kind, low, high, 0, distance)
        return self.known[pattern]

    def _append(self, vector: IntArray, kind: Kind, left: int, right: int, left_shift: int, right_shift: int) -> int:
        lo, hi = value_range(vector, self.lo, self.hi)
        dtype = IntType.for_range(lo, hi)
        self.nodes.append(Node(kind, dtype, left, right, left_shift, right_shift))
        self.vectors.append(vector)
        self.types.append(dtype)
        operands = (left,) if kind == Kind.NEGATE else (left, right)
        self.depth.append(1 + max(self.depth[v] for v in operands))
        return self.inputs + len(self.nodes) - 1

    def _sum_up(self, row: dict[Digit, int]) -> Term | None:
        """The sum of what is left of a row: the narrowest term with the partner that is cheapest to add."""
        terms = [Term(value, shift, sign) for (value, shift), sign in sorted(row.items())]
        while len(terms) > 1:
            terms.sort(key=lambda t: (self.types[t.value].bits + t.shift, self.depth[t.value], t.shift, t.value))
            first = terms.pop(0)
            partner = min(
                terms,
                key=lambda t: (
                    self._join_cost(first, t), self.depth[t.value], self.types[t.value].bits, t.shift, t.value
                ),
            )  # fmt: skip
            terms.remove(partner)
            terms.append(self._join(first, partner))
        if not terms:
            return None
        (last,) = terms
        if last.sign > 0:
            return last
        return Term(self._append(-self.vectors[last.value], Kind.NEGATE, last.value, last.value, 0, 0), last.shift)

    def _join_cost(self, one: Term, two: Term) -> tuple[int, bool]:
        """LUTs of one + two; of equals rather a sum, which may be unsigned."""
        if (one.shift, one.value) > (two.shift, two.value):
            one, two = two, one
        if one.sign != two.sign and one.sign < 0:
            one, two = two, one
        low = min(one.shift, two.shift)
        left, right = self.types[one.value], self.types[two.value]
        bits = max(left.bits + one.shift, right.bits + two.shift) - low + 2
        differ = one.sign != two.sign
        return adder_luts(differ, left, one.shift - low, right, two.shift - low, bits), differ

    def _join(self, one: Term, two: Term) -> Term:
        """one + two as a term: the node itself is never negative where one of the two is not."""
        if (one.shift, one.value) > (two.shift, two.value):
            one, two = two, one
        if one.sign == two.sign or one.sign > 0:
            pattern = (one.value, two.value, two.shift - one.shift, one.sign * two.sign)
            return Term(self._node(pattern), one.shift, one.sign)
        # -one + two: with equal shifts two - one; else the shifted one is on the left, and every bit is subtracted.
        distance = two.shift - one.shift
        vector = (self.vectors[two.value] << distance) - self.vectors[one.value]
        return Term(self._append(vector, Kind.SUBTRACT, two.value, one.value, distance, 0), one.shift)
