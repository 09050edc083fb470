"""Pool (maximum or sum over a depthwise window): PE lanes, one pixel per cycle on `pool.sv`, or a window at once.

SIMD = pixels of the window takes `pool_parallel.sv`.
"""

from __future__ import annotations

from flows.design import Fold, Lowered
from flows.errors import InfeasibleFolding
from flows.graph import Graph, IntType, Op, Pool
from flows.kernels.base import divisors, require_divisor


def legal(graph: Graph, op: Op) -> tuple[Fold, ...]:
    """Every divisor of the channels as PE, one pixel of the window or all as SIMD; least parallel first."""
    assert isinstance(op, Pool)
    pixels = sorted({1, op.window})
    folds = (Fold(pe, simd) for pe in divisors(graph[op.outputs[0]].shape[2]) for simd in pixels)
    return tuple(sorted(folds, key=lambda f: (f.pe * f.simd, f.simd)))


def lower(graph: Graph, op: Op, fold: Fold, in_type: IntType, acc: tuple[int, ...] | None) -> Lowered:
    """See flows.kernels.base. `fold.pe` divides the channels, `fold.simd` is 1 or the window's pixels.

    The input stream is in the depthwise window order of the same PE channels (`flows.beats.fold`), SIMD pixels a beat.
    """
    assert isinstance(op, Pool)
    h, w, c = graph[op.outputs[0]].shape
    if fold.simd not in (1, op.window):
        raise InfeasibleFolding(f"{op.name}: SIMD = {fold.simd}; legal values: 1, or the window's {op.window} pixels")
    require_divisor(op, "PE", fold.pe, c, "the channels")
    out_type = in_type if op.function == "max" else graph[op.outputs[0]].dtype
    params = {
        "PE": fold.pe, "BITS": in_type.bits, "SIGNED": int(in_type.signed), "WINDOW": op.window,
        "SUM": int(op.function == "sum"), "OUT_BITS": out_type.bits,
    }  # fmt: skip
    beats = h * w * c // fold.pe
    if fold.simd > 1:
        return Lowered("pool_parallel", params, fold.pe * op.window, fold.pe, out_type, beats)
    return Lowered("pool", params, fold.pe, fold.pe, out_type, beats * op.window)
