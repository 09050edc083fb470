"""DepthToSpace on `depthtospace.sv`: SIMD lanes, one beat in and one out per cycle."""

from __future__ import annotations

from flows.design import Fold, Lowered
from flows.graph import DepthToSpace, Graph, IntType, Op
from flows.kernels.base import divisors, require_divisor, require_one


def legal(graph: Graph, op: Op) -> tuple[Fold, ...]:
    """One fold for every divisor of the output's channels."""
    return tuple(Fold(pe=1, simd=simd) for simd in divisors(graph[op.outputs[0]].shape[2]))


def lower(graph: Graph, op: Op, fold: Fold, in_type: IntType, acc: tuple[int, ...] | None) -> Lowered:
    """See flows.kernels.base. `fold.simd` divides the output's channels, `fold.pe` is 1."""
    assert isinstance(op, DepthToSpace)
    h, w, c = graph[op.outputs[0]].shape
    require_one(op, "PE", fold.pe)
    require_divisor(op, "SIMD", fold.simd, c, "the output's channels")
    params = {
        "WIDTH": fold.simd * in_type.bits, "SEGMENT": op.block * c // fold.simd, "W": w // op.block,
        "BLOCK": op.block,
    }  # fmt: skip
    return Lowered("depthtospace", params, fold.simd, fold.simd, in_type, h * w * c // fold.simd)
