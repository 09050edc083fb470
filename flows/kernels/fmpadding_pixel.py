"""FMPaddingPixel on `fmpadding_pixel.sv`: SIMD lanes, one output beat per cycle."""

from __future__ import annotations

from flows.design import Fold, Lowered
from flows.graph import FMPaddingPixel, Graph, IntType, Op
from flows.kernels.base import divisors, require_divisor, require_one


def legal(graph: Graph, op: Op) -> tuple[Fold, ...]:
    """One fold for every divisor of the channels."""
    return tuple(Fold(pe=1, simd=simd) for simd in divisors(graph[op.inputs[0]].shape[2]))


def lower(graph: Graph, op: Op, fold: Fold, in_type: IntType, acc: tuple[int, ...] | None) -> Lowered:
    """See flows.kernels.base. `fold.simd` divides the channels, `fold.pe` is 1."""
    assert isinstance(op, FMPaddingPixel)
    h, w, c = graph[op.inputs[0]].shape
    oh, ow, _ = graph[op.outputs[0]].shape
    require_one(op, "PE", fold.pe)
    require_divisor(op, "SIMD", fold.simd, c, "the channels")
    folds = c // fold.simd
    params = {
        "WIDTH": fold.simd * in_type.bits, "FOLDS": folds, "H": h, "W": w, "SH": op.stride[0], "SW": op.stride[1],
    }  # fmt: skip
    return Lowered("fmpadding_pixel", params, fold.simd, fold.simd, in_type, oh * ow * folds)
