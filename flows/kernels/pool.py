"""Pool (maximum or sum over a depthwise window) on `pool.sv`: PE lanes, one input beat per cycle."""

from __future__ import annotations

from flows.design import Fold, Lowered
from flows.graph import Graph, IntType, Op, Pool
from flows.kernels.base import divisors, require_divisor, require_one


def legal(graph: Graph, op: Op) -> tuple[Fold, ...]:
    """One fold for every divisor of the channels."""
    return tuple(Fold(pe=pe, simd=1) for pe in divisors(graph[op.outputs[0]].shape[2]))


def lower(graph: Graph, op: Op, fold: Fold, in_type: IntType, acc: tuple[int, ...] | None) -> Lowered:
    """See flows.kernels.base. `fold.pe` divides the channels, `fold.simd` is 1.

    The input stream is in the depthwise window order of the same PE lanes (`flows.beats.fold`).
    """
    assert isinstance(op, Pool)
    h, w, c = graph[op.outputs[0]].shape
    require_one(op, "SIMD", fold.simd)
    require_divisor(op, "PE", fold.pe, c, "the channels")
    out_type = in_type if op.function == "max" else graph[op.outputs[0]].dtype
    params = {
        "PE": fold.pe, "BITS": in_type.bits, "SIGNED": int(in_type.signed), "WINDOW": op.window,
        "SUM": int(op.function == "sum"), "OUT_BITS": out_type.bits,
    }  # fmt: skip
    return Lowered("pool", params, fold.pe, fold.pe, out_type, h * w * c // fold.pe * op.window)
