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


def add(p: Params, memories: Sequence[MemFile]) -> Parts:
    """An adder a lane, where the streams overlap; of factors with more ones a carry-save adder for each."""
    lanes, bits = number(p, "PE"), number(p, "OUT_BITS")
    types = [IntType(number(p, f"IN{n}_BITS"), bool(p[f"IN{n}_SIGNED"])) for n in range(2)]
    factors = [number(p, f"FACTOR{n}") for n in range(2)]
    digits = [abs(factor).bit_count() for factor in factors]
    if digits == [1, 1]:
        shifts = [abs(factor).bit_length() - 1 for factor in factors]
        low = shifts.index(min(shifts))
        subtract = factors[0] * factors[1] < 0
        luts = adder_luts(subtract, types[low], 0, types[1 - low], shifts[1 - low] - shifts[low], bits - shifts[low])
        return Parts({"one": 1.0, "sum": float(lanes * luts)})
    widest = max((t.bits for t, d in zip(types, digits, strict=True) if d), default=0)
    terms = sum(digits)
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
    again = number(p, "CLASSES") > lanes
    return Parts({
        "one": 1.0, "compare": float((lanes - 1 + again) * bits), "choose": float((lanes - 1) * bits),
        "lane": float((lanes - 1) * bits_of(lanes)), "index": float(index * again),
        "sign": float(lanes * number(p, "INPUT_SIGNED")),
    })  # fmt: skip


def labelselect_topk(p: Params, memories: Sequence[MemFile]) -> Parts:
    """K entries that compare and take, the queue of the indices."""
    k, bits, index = number(p, "K"), number(p, "INPUT_BITS"), number(p, "INDEX_BITS")
    return Parts({
        "one": 1.0, "compare": float(k * bits), "take": float((k - 1) * bits), "index": float(k * index),
        "sign": float(number(p, "INPUT_SIGNED")),
    })  # fmt: skip
