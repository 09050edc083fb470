"""UpsampleNearest on `upsample.sv`: SIMD lanes, one output beat per cycle, the memory of one input row."""

from __future__ import annotations

from flows.design import Fold, Lowered
from flows.graph import Graph, IntType, Op, UpsampleNearest
from flows.kernels.base import divisors, require_divisor, require_one


def legal(graph: Graph, op: Op) -> tuple[Fold, ...]:
    """One fold for every divisor of the channels."""
    return tuple(Fold(pe=1, simd=simd) for simd in divisors(graph[op.inputs[0]].shape[2]))


def lower(graph: Graph, op: Op, fold: Fold, in_type: IntType, acc: tuple[int, ...] | None) -> Lowered:
    """See flows.kernels.base. `fold.simd` divides the channels, `fold.pe` is 1."""
    assert isinstance(op, UpsampleNearest)
    rows, columns = op.factors
    h, w, c = graph[op.inputs[0]].shape
    require_one(op, "PE", fold.pe)
    require_divisor(op, "SIMD", fold.simd, c, "the channels")
    folds = c // fold.simd
    params = {"WIDTH": fold.simd * in_type.bits, "FOLDS": folds, "W": w, "ROWS": rows, "COLUMNS": columns}
    return Lowered("upsample", params, fold.simd, fold.simd, in_type, h * rows * w * columns * folds)
