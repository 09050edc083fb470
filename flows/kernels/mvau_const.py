"""MVAU with its weights as logic on `mvau_const.sv`: one vector a clock, every adder as wide as its sum.

Zero weights cost nothing, and sums that several outputs share are made once (`flows.adders`). The widths are those of
the actual weights and inputs, whatever the accumulator policy: there is no register that a policy could widen.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from flows.adders.graph import AdderGraph, Kind, Node, Term
from flows.adders.pipeline import latency, pipelined
from flows.adders.search import adder_graph
from flows.design import Fold, Lowered, Param
from flows.errors import InfeasibleFolding
from flows.graph import MVAU, Graph, IntType, Op
from flows.kernels.memory import table
from flows.ranges import mvau_channel_ranges

MAX_NODES = 1 << 12
"""A table has up to 16 bits a node, and Verilator takes no parameter of more than 65,536 bits."""


def lower(graph: Graph, op: Op, fold: Fold, in_type: IntType) -> Lowered:
    """The module `mvau_const`; `fold` must be PE = MH, SIMD = MW. Raises InfeasibleFolding."""
    assert isinstance(op, MVAU)
    if (fold.pe, fold.simd) != (op.mh, op.mw):
        raise InfeasibleFolding(
            f"{op.name}: weights as logic (impl = const) take a whole vector a clock: PE must be {op.mh} and SIMD "
            f"{op.mw}, not {fold.pe} and {fold.simd}"
        )
    h, w, _ = graph[op.outputs[0]].shape
    adders = adders_of(op, in_type, graph[op.inputs[0]].lo, graph[op.inputs[0]].hi, fold.levels)
    bits = lane_bits(graph, op)
    stages = latency(adders)
    return Lowered(
        module="mvau_const",
        params=parameters(adders, in_type, max(bits), stages),
        in_lanes=op.mw,
        out_lanes=op.mh,
        out_type=IntType(max(bits), signed=True),
        work_beats=h * w,
        lane_bits=bits,
    )


def lane_bits(graph: Graph, op: MVAU) -> tuple[int, ...]:
    """Bits of every output, by the exact range of its sums."""
    x = graph[op.inputs[0]]
    lows, highs = mvau_channel_ranges(op.weights, x.lo, x.hi)
    return tuple(IntType.for_range(int(lo), int(hi), signed=True).bits for lo, hi in zip(lows, highs, strict=True))


def adders_of(op: MVAU, in_type: IntType, lo: int, hi: int, levels: int) -> AdderGraph:
    """The pipelined adder graph of the weights of `op`; searched for once, however often the weights are loaded."""
    weights = np.ascontiguousarray(op.weights, dtype=np.int64)
    return _adders(weights.tobytes(), weights.shape, in_type, min(lo, 0), max(hi, 0), levels)


@lru_cache(maxsize=256)
def _adders(weights: bytes, shape: tuple[int, ...], in_type: IntType, lo: int, hi: int, levels: int) -> AdderGraph:
    matrix = np.frombuffer(weights, dtype=np.int64).reshape(shape)
    return pipelined(adder_graph(matrix, in_type, lo, hi, levels), levels)


def parameters(adders: AdderGraph, in_type: IntType, out_bits: int, stages: int) -> dict[str, Param]:
    """The graph as the module's tables. A graph without nodes, of zero weights only, gets one that nobody reads."""
    nodes: Sequence[Node] = adders.nodes or (Node(Kind.REGISTER, in_type, 0),)
    zero = adders.inputs + len(nodes)
    if max(len(nodes), zero >> 4) > MAX_NODES:
        raise InfeasibleFolding(
            f"weights as logic (impl = const): an adder graph of {len(nodes)} nodes is more than the {MAX_NODES} that "
            "are supported"
        )
    outputs = [t or Term(zero) for t in adders.outputs]
    assert all(t.sign > 0 for t in outputs)
    return {
        "MW": adders.inputs,
        "MH": len(outputs),
        "INPUT_BITS": in_type.bits,
        "INPUT_SIGNED": int(in_type.signed),
        "OUT_BITS": out_bits,
        "STAGES": stages,
        "NODES": len(nodes),
        "VALUE_BITS": max(in_type.bits, out_bits, *(n.dtype.bits for n in nodes)),
        "NODE_KIND": table(2, [n.kind for n in nodes]),
        "LEFT": table(16, [n.left for n in nodes]),
        "RIGHT": table(16, [n.right for n in nodes]),
        "LEFT_SHIFT": table(8, [n.left_shift for n in nodes]),
        "RIGHT_SHIFT": table(8, [n.right_shift for n in nodes]),
        "NODE_BITS": table(8, [n.dtype.bits for n in nodes]),
        "NODE_SIGNED": table(1, [n.dtype.signed for n in nodes]),
        "OUT_VALUE": table(16, [t.value for t in outputs]),
        "OUT_SHIFT": table(8, [t.shift for t in outputs]),
    }
