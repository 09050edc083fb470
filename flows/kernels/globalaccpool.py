"""GlobalAccPool on `globalaccpool.sv`: PE lanes, one input beat per cycle, one accumulator per channel."""

from __future__ import annotations

from flows.design import Fold, Lowered
from flows.graph import Graph, IntType, Op
from flows.kernels.base import divisors, require_divisor, require_one


def legal(graph: Graph, op: Op) -> tuple[Fold, ...]:
    """One fold for every divisor of the channels."""
    return tuple(Fold(pe=pe, simd=1) for pe in divisors(graph[op.inputs[0]].shape[2]))


def lower(graph: Graph, op: Op, fold: Fold, in_type: IntType, acc: tuple[int, ...] | None) -> Lowered:
    """See flows.kernels.base. `fold.pe` divides the channels, `fold.simd` is 1."""
    h, w, c = graph[op.inputs[0]].shape
    require_one(op, "SIMD", fold.simd)
    require_divisor(op, "PE", fold.pe, c, "the channels")
    out_type = graph[op.outputs[0]].dtype
    params = {
        "PE": fold.pe, "FOLDS": c // fold.pe, "PIXELS": h * w, "IN_BITS": in_type.bits,
        "IN_SIGNED": int(in_type.signed), "OUT_BITS": out_type.bits,
    }  # fmt: skip
    return Lowered("globalaccpool", params, fold.pe, fold.pe, out_type, h * w * c // fold.pe)
