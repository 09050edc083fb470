"""Parts of what compares and sums activations: the pools, `add.sv`, `globalaccpool.sv`, the label selections."""

from __future__ import annotations

from collections.abc import Sequence

from flows.area.memory import ram
from flows.area.parts import Params, Parts, bits_of, number
from flows.design import MemFile


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


def _digits(factor: int) -> int:
    """Digits of the factor that are not zero, signed ones where that is fewer."""
    return (factor ^ 3 * factor).bit_count() if factor else 0


def add(p: Params, memories: Sequence[MemFile]) -> Parts:
    """An adder a lane, and one for every further digit of a factor."""
    lanes, bits = number(p, "PE"), number(p, "OUT_BITS")
    digits = [_digits(abs(number(p, f"FACTOR{n}"))) for n in range(2)]
    overlap = min(bits, max(number(p, "IN0_BITS"), number(p, "IN1_BITS")) + 1)
    more = sum(max(0, n - 1) for n in digits)
    return Parts({
        "one": 1.0, "sum": float(lanes * bits * all(digits)), "digit": float(lanes * bits * more),
        "plain": float(lanes * overlap * (sum(digits) == 2)),
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
