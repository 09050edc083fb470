"""Parts of layers whose weights and thresholds are logic: `mvau_const.sv`, `thresholding_const.sv`."""

from __future__ import annotations

from collections.abc import Sequence

from flows.adders.cost import luts
from flows.adders.graph import AdderGraph, Kind, Node, Term
from flows.area.parts import Params, Parts, entries, number
from flows.design import MemFile
from flows.graph import IntType


def mvau_const(p: Params, memories: Sequence[MemFile]) -> Parts:
    """The adders, bit by bit as `flows.adders.cost` counts them, of the module's own tables."""
    rows = zip(
        entries(p, "NODE_KIND", 2), entries(p, "NODE_BITS", 8), entries(p, "NODE_SIGNED", 1), entries(p, "LEFT", 16),
        entries(p, "RIGHT", 16), entries(p, "LEFT_SHIFT", 8), entries(p, "RIGHT_SHIFT", 8), strict=True,
    )  # fmt: skip
    nodes = tuple(Node(Kind(kind), IntType(bits, bool(sign)), *operands) for kind, bits, sign, *operands in rows)
    inputs = number(p, "MW")
    values = zip(entries(p, "OUT_VALUE", 16), entries(p, "OUT_SHIFT", 8), strict=True)
    outputs = tuple(None if value == inputs + len(nodes) else Term(value, shift) for value, shift in values)
    graph = AdderGraph(inputs, IntType(number(p, "INPUT_BITS"), bool(p["INPUT_SIGNED"])), nodes, outputs)
    return Parts({"one": 1.0, "adder": float(luts(graph))})


def thresholding_const(p: Params, memories: Sequence[MemFile]) -> Parts:
    """The LUTs of the tables, the signs' inverters."""
    channels = number(p, "CHANNELS")
    return Parts({
        "one": 1.0, "table": float(channels * number(p, "LUTS")), "sign": float(channels * number(p, "COMPARE_SIGNED")),
        "bias": float(channels * number(p, "OUT_BITS") * (p["OUT_BIAS"] != 0)),
    })  # fmt: skip
