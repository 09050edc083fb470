"""What an adder graph takes in LUTs, counted bit by bit as Yosys maps `mvau_const_node.sv` to carry chains.

A bit of an adder needs a LUT in front of the carry chain where both operands have a bit there; where one has none
(above an unsigned number, below a shifted one), the other goes to the chain directly. In a subtraction it does not,
because the chain takes its complement. Copies of a sign are the same function and share their LUT.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

from flows.adders.graph import AdderGraph, Kind
from flows.graph import IntType

SRL_LENGTH = 3
"""So many registers in a row, read at the end alone, are a shift register: a LUT a bit."""

Bit = tuple[int, int]
"""(value, bit of it)"""


def bit_of(value: int, dtype: IntType, place: int) -> Bit | None:
    """What stands in `place` of the value: a bit of its own, its sign, or None for a constant zero."""
    if 0 <= place < dtype.bits:
        return value, place
    return (value, dtype.bits - 1) if dtype.signed and place >= dtype.bits else None


@lru_cache(maxsize=1 << 16)
def adder_luts(subtract: bool, left: IntType, left_shift: int, right: IntType, right_shift: int, bits: int) -> int:
    """LUTs of (left << left_shift) +- (right << right_shift) in `bits` bits, by itself."""
    found = set()
    for place in range(right_shift, bits):
        one, two = bit_of(0, left, place - left_shift), bit_of(1, right, place - right_shift)
        if (one and two) or (subtract and (one or two)):
            found.add((one, two))
    return len(found)


def luts(graph: AdderGraph) -> int:
    """LUTs of the graph: its adders, complements shared, and its shift registers."""
    types = [graph.input_type] * graph.inputs + [node.dtype for node in graph.nodes]
    complements: set[Bit | None] = set()
    count = _shift_registers(graph)
    for node in graph.nodes:
        left, right = types[node.left], types[node.right]
        if node.kind == Kind.REGISTER:
            continue
        if node.kind == Kind.NEGATE:
            complements |= {bit_of(node.left, left, place) for place in range(node.dtype.bits)}
            continue
        pairs = set()
        for place in range(node.right_shift, node.dtype.bits):
            one = bit_of(node.left, left, place - node.left_shift)
            two = bit_of(node.right, right, place - node.right_shift)
            if one and two:
                pairs.add((one, two))
            elif node.kind == Kind.SUBTRACT:
                complements.add(one or two)
        count += len(pairs)
    return count + len(complements - {None})


def flip_flops(graph: AdderGraph) -> int:
    """Bits of the graph's registers, those of shift registers included."""
    return sum(node.dtype.bits for node in graph.nodes if node.kind == Kind.REGISTER)


def _shift_registers(graph: AdderGraph) -> int:
    """LUTs of the rows of registers that become shift registers."""
    readers: Counter[int] = Counter()
    for node in graph.nodes:
        readers[node.left] += 1
        if node.kind in (Kind.ADD, Kind.SUBTRACT):
            readers[node.right] += 1
    readers.update(term.value for term in graph.outputs if term)
    length: dict[int, int] = {}
    count = 0
    for number, node in enumerate(graph.nodes):
        if node.kind != Kind.REGISTER:
            continue
        value = graph.inputs + number
        alone = node.left in length and readers[node.left] == 1
        length[value] = length[node.left] + 1 if alone else 1
        if length[value] == SRL_LENGTH:
            count += node.dtype.bits
    return count
