"""Parts of what compares and sums activations: the pools, `add.sv`, `globalaccpool.sv`, the label selections."""

from __future__ import annotations

from collections.abc import Sequence

from flows.adders.cost import adder_luts
from flows.area.memory import ram
from flows.area.parts import Params, Parts, bits_of, number
from flows.design import MemFile
from flows.graph import IntType


def pool(p: Params, memories: Sequence[MemFile]) -> Parts:
    """A counter; a lane compares (half a LUT a bit, and some) or adds (a LUT a bit)."""
    lanes, bits, window = number(p, "PE"), number(p, "OUT_BITS"), number(p, "WINDOW")
    counted = {"one": 1.0, "count": float(bits_of(window))}
    if p["SUM"]:
        return Parts(counted | {"sum": float(lanes * bits)})
    return Parts(counted | {"compare": float(lanes * bits), "lane": float(lanes)})


def pool_parallel(p: Params, memories: Sequence[MemFile]) -> Parts:
    """A tree: comparisons and choices, or adders."""
    lanes, bits, window = number(p, "PE"), number(p, "OUT_BITS"), number(p, "WINDOW")
    nodes = float(lanes * (window - 1))
    if not p["SUM"]:
        return Parts({"one": 1.0, "compare": nodes * bits, "node": nodes})
    adders, left, own = 0, window, number(p, "BITS")
    while left > 1:
        own = min(own + 1, bits)
        adders += (left // 2) * (own - 1)
        left = -(-left // 2)
    return Parts({"one": 1.0, "sum": float(lanes * adders), "node_sum": nodes})


def _terms(factor: int) -> list[tuple[int, int]]:
    """(sign, shift) of the factor's digits that are not zero, signed ones, as few as possible."""
    found, shift = [], 0
    while factor:
        digit = 0 if factor % 2 == 0 else 2 - factor % 4
        if digit:
            found.append((digit, shift))
        factor, shift = (factor - digit) // 2, shift + 1
    return found


def add(p: Params, memories: Sequence[MemFile]) -> Parts:
    """An adder a lane, where the streams overlap; of factors with more digits a carry-save adder for every further one."""
    lanes, bits = number(p, "PE"), number(p, "OUT_BITS")
    types = [IntType(number(p, f"IN{n}_BITS"), bool(p[f"IN{n}_SIGNED"])) for n in range(2)]
    digits = [_terms(number(p, f"FACTOR{n}")) for n in range(2)]
    plain = all(len(d) == 1 for d in digits)
    if plain:
        (one, two), (left, right) = (d[0] for d in digits), types
        luts = adder_luts(one[0] != two[0], left, one[1], right, 0, bits) if two[1] == 0 else 0
        luts = luts or adder_luts(one[0] != two[0], right, two[1], left, one[1], bits)
        return Parts({"one": 1.0, "sum": float(lanes * luts)})
    widest = max((t.bits for t, d in zip(types, digits, strict=True) if d), default=0)
    terms = sum(map(len, digits))
    return Parts({
        "one": 1.0, "last": float(lanes * min(bits, widest + 1) * (terms > 1)),
        "digit": float(lanes * widest * max(0, terms - 2)),
    })  # fmt: skip


def globalaccpool(p: Params, memories: Sequence[MemFile]) -> Parts:
    """The sums' memory, an adder a lane, two counters."""
    lanes, folds, bits = number(p, "PE"), number(p, "FOLDS"), number(p, "OUT_BITS")
    counted = {
        "one": 1.0, "sum": float(lanes * bits), "count": float(bits_of(folds) + bits_of(number(p, "PIXELS"))),
    }  # fmt: skip
    return Parts(counted) + ram(folds, lanes * bits, clocked=False)


def labelselect(p: Params, memories: Sequence[MemFile]) -> Parts:
    """A tree of comparisons with choices of value and lane, then the largest so far."""
    lanes, bits, index = number(p, "PE"), number(p, "INPUT_BITS"), number(p, "INDEX_BITS")
    return Parts({
        "one": 1.0, "compare": float(lanes * bits), "choose": float((lanes - 1) * bits),
        "lane": float((lanes - 1) * bits_of(lanes)), "index": float(index), "sign": float(lanes * number(p, "INPUT_SIGNED")),
    })  # fmt: skip


def labelselect_topk(p: Params, memories: Sequence[MemFile]) -> Parts:
    """K entries that compare and take, the queue of the indices."""
    k, bits, index = number(p, "K"), number(p, "INPUT_BITS"), number(p, "INDEX_BITS")
    return Parts({
        "one": 1.0, "compare": float(k * bits), "take": float((k - 1) * bits), "index": float(k * index),
        "sign": float(number(p, "INPUT_SIGNED")),
    })  # fmt: skip
