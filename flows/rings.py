"""What the ring of a sliding window (`swg.sv`) may hold: a power of two needs no address counters."""

from __future__ import annotations

from collections.abc import Mapping

from flows.cost import cost
from flows.design import Param

WORDS = 32
"""Memories come in multiples of as many words."""


def ring_sizes(params: Mapping[str, Param]) -> tuple[list[int], list[int]]:
    """Beats that the memory of an `swg` may hold at a lower cost than its own: (fewer, more), the cheapest first.

    More is always enough; whether fewer are is for `flows.fifos` to try.
    """
    p = {key: value for key, value in params.items() if isinstance(value, int)}
    own = p["DEPTH"]
    least = (((p["KH"] - 1) * p["DH"] * p["W"] + (p["KW"] - 1) * p["DW"]) + 1) * p["FOLDS"]
    full = 1 << own.bit_length()
    sizes = {least, *range(-(-least // WORDS) * WORDS, full + 1, WORDS), *(1 << n for n in range(own.bit_length() + 1))}
    price = {d: ring_price(params, d) for d in sorted(sizes) if d >= least}
    best: dict[float, int] = {price[d]: d for d in price if price[d] < ring_price(params, None)}  # of equal ones most
    cheapest = [best[at] for at in sorted(best)]
    return [d for d in cheapest if d < own], [d for d in cheapest if d > own]


def ring_price(params: Mapping[str, Param], entries: int | None) -> float:
    """Of an `swg` with that memory, None: its own."""
    return cost("swg", params if entries is None else {**params, "DEPTH": entries}).price


def with_cheapest(params: Mapping[str, Param]) -> Mapping[str, Param]:
    """`params` of an `swg` with the memory that it gets for certain: its own, or a larger one that costs less."""
    _, larger = ring_sizes(params)
    return {**params, "DEPTH": larger[0]} if larger else params
