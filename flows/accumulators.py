"""How wide every accumulator must be: exact ranges, the width policies, and the certificate.

All arithmetic is in Python integers. Sources: A2Q (arXiv 2301.13376) for the data-type bound and its l1 budget,
A2Q+ (arXiv 2401.10432) for the zero-centred budget.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, get_args

from flows.errors import AccumulatorOverflow
from flows.graph import Graph, IntType, Weighted
from flows.ranges import mvau_channel_ranges

Policy = Literal["fixed-32", "datatype", "exact", "trained"]
POLICIES: tuple[Policy, ...] = get_args(Policy)


@dataclass(frozen=True)
class LayerWidths:
    """The accumulators of one MVAU or VVAU; tuples have one entry per output channel, in hardware order."""

    name: str
    acc_min: tuple[int, ...]
    acc_max: tuple[int, ...]
    l1: tuple[int, ...]
    exact: tuple[int, ...]
    datatype_bits: int
    trained_bits: int | None

    @property
    def exact_bits(self) -> int:
        return max(self.exact)

    def implemented(self, policy: Policy) -> tuple[int, ...]:
        """Accumulator bits of every output channel under `policy`; `trained` falls back to `exact`."""
        layer = {"fixed-32": 32, "datatype": self.datatype_bits, "exact": None, "trained": self.trained_bits}[policy]
        return self.exact if layer is None else (layer,) * len(self.exact)


def datatype_bound(k: int, weight: IntType, inputs: IntType) -> int:
    """Accumulator bits that hold any dot product of `k` weights and inputs of the given types (A2Q, section 3.1).

    P >= alpha + phi(alpha) + 1 with alpha = log2(K) + N + M - 1 - sigma and phi(x) = log2(1 + 2**-x), in integers.
    """
    return (k << (inputs.bits + weight.bits - 1 - inputs.signed)).bit_length() + 1


def l1_bound(method: str, bits: int, inputs: IntType) -> Fraction:
    """Largest real l1 norm T of one output channel's weights in steps that `method` allows for `bits`-bit sums, exact.

    "a2q" (arXiv 2301.13376, eq. 15): (2^(P-1) - 1) * 2^(signed - N). "a2q+" (arXiv 2401.10432, eq. 8):
    (2^P - 2) / (2^N - 1), for weights whose positive and negative mass are equal before rounding towards zero.
    Raises ValueError for a method without a budget.
    """
    if method == "a2q+":
        return Fraction((1 << bits) - 2, (1 << inputs.bits) - 1)
    if method == "a2q":
        return Fraction(((1 << (bits - 1)) - 1) << inputs.signed, 1 << inputs.bits)
    raise ValueError(f"method {method!r} has no l1 budget")


def l1_budget(method: str, bits: int, inputs: IntType) -> int:
    """Largest integer l1 norm of one output channel that `method` ("a2q" or "a2q+") allows for `bits`-bit sums."""
    return math.floor(l1_bound(method, bits, inputs))


def analyse(graph: Graph) -> dict[str, LayerWidths]:
    """Widths of every MVAU and VVAU, in graph order.

    Raises AccumulatorOverflow where the integers of a layer exceed the width it was trained for.
    """
    return {op.name: _layer(graph, op) for op in graph.of_type(Weighted)}


def _layer(graph: Graph, op: Weighted) -> LayerWidths:
    x = graph[op.inputs[0]]
    lows, highs = mvau_channel_ranges(op.weights, x.lo, x.hi)
    acc_min, acc_max = [int(v) for v in lows], [int(v) for v in highs]
    exact = tuple(IntType.for_range(lo, hi, signed=True).bits for lo, hi in zip(acc_min, acc_max, strict=True))
    trained = graph.trained_bits.get(op.name)
    if trained is not None and max(exact) > trained:
        c = exact.index(max(exact))
        raise AccumulatorOverflow(
            f"{op.name}: output channel {c} sums to [{acc_min[c]}, {acc_max[c]}], which needs {exact[c]} bits, but the "
            f"layer was trained for {trained}; train it again, or correct accumulator_bits in training.json"
        )
    l1 = tuple(int(v) for v in abs(op.weights).sum(axis=0))
    datatype = datatype_bound(op.mw, op.weight_type, x.dtype)
    return LayerWidths(op.name, tuple(acc_min), tuple(acc_max), l1, exact, datatype, trained)


def certificate(
    graph: Graph, widths: dict[str, LayerWidths], implemented: dict[str, tuple[int, ...]], policy: Policy, method: str
) -> dict[str, Any]:
    """`report/accumulators.json`: everything needed to recheck the widths from the emitted weight files alone.

    `implemented` holds the accumulator bits of every output channel as built; `slack` is what they exceed `exact` by.
    """
    layers = []
    for op in graph.of_type(Weighted):
        w, x, bits = widths[op.name], graph[op.inputs[0]], implemented[op.name]
        budget = None if w.trained_bits is None else l1_budget(method, w.trained_bits, x.dtype)
        layers.append(
            {
                "name": op.name,
                "mw": op.mw,
                "mh": op.mh,
                "weight_type": str(op.weight_type),
                "input_type": str(x.dtype),
                "input_range": [min(x.lo, 0), max(x.hi, 0)],
                "trained_bits": w.trained_bits,
                "datatype_bits": w.datatype_bits,
                "exact_bits": w.exact_bits,
                "implemented_bits": max(bits),
                "l1_budget": budget,
                "channels": [
                    {
                        "acc_min": w.acc_min[c],
                        "acc_max": w.acc_max[c],
                        "l1": w.l1[c],
                        "exact_bits": w.exact[c],
                        "implemented_bits": bits[c],
                        "slack": bits[c] - w.exact[c],
                    }
                    for c in range(op.mh)
                ],
            }
        )
    return {"schema_version": 1, "design": graph.name, "policy": policy, "layers": layers}
