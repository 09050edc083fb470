"""FMPadding on `fmpadding.sv`: SIMD lanes, one output beat per cycle."""

from __future__ import annotations

from typing import cast

from flows.design import Fold, Lowered
from flows.graph import FMPadding, Graph, IntType, Op
from flows.kernels.base import divisors, require_divisor, require_one


def legal(graph: Graph, op: Op) -> tuple[Fold, ...]:
    """One fold for every divisor of the channels."""
    return tuple(Fold(pe=1, simd=simd) for simd in divisors(graph[op.inputs[0]].shape[2]))


def lower(graph: Graph, op: Op, fold: Fold, in_type: IntType, acc: tuple[int, ...] | None) -> Lowered:
    """See flows.kernels.base. `fold.simd` divides the channels, `fold.pe` is 1."""
    top, left, bottom, right = cast(FMPadding, op).pad
    h, w, c = graph[op.inputs[0]].shape
    require_one(op, "PE", fold.pe)
    require_divisor(op, "SIMD", fold.simd, c, "the channels")
    folds = c // fold.simd
    params = {
        "WIDTH": fold.simd * in_type.bits, "FOLDS": folds, "H": h, "W": w,
        "PAD_T": top, "PAD_L": left, "PAD_B": bottom, "PAD_R": right,
    }  # fmt: skip
    work = (top + h + bottom) * (left + w + right) * folds
    return Lowered("fmpadding", params, fold.simd, fold.simd, in_type, work)
