"""Concat on `concat.sv`: SIMD lanes, one output beat per cycle; both inputs are extended to the output's type."""

from __future__ import annotations

import math

from flows.design import Fold, Lowered
from flows.graph import Graph, IntType, Op
from flows.kernels.base import divisors, require_divisor, require_one


def legal(graph: Graph, op: Op) -> tuple[Fold, ...]:
    """One fold for every common divisor of both inputs' channels."""
    return tuple(Fold(pe=1, simd=simd) for simd in divisors(math.gcd(*_channels(graph, op))))


def lower(
    graph: Graph, op: Op, fold: Fold, in_type: IntType, acc: tuple[int, ...] | None, *more: IntType
) -> Lowered:  # fmt: skip
    """See flows.kernels.base. `fold.simd` divides both inputs' channels, `fold.pe` is 1."""
    channels = _channels(graph, op)
    h, w, c = graph[op.outputs[0]].shape
    require_one(op, "PE", fold.pe)
    require_divisor(op, "SIMD", fold.simd, math.gcd(*channels), "the common divisor of both inputs' channels")
    out_type = graph[op.outputs[0]].dtype
    params: dict[str, int | str] = {"SIMD": fold.simd, "OUT_BITS": out_type.bits}
    for n, dtype in enumerate((in_type, *more)):
        params |= {
            f"IN{n}_BITS": dtype.bits, f"IN{n}_SIGNED": int(dtype.signed), f"FOLDS{n}": channels[n] // fold.simd
        }  # fmt: skip
    return Lowered("concat", params, fold.simd, fold.simd, out_type, h * w * c // fold.simd)


def _channels(graph: Graph, op: Op) -> tuple[int, ...]:
    return tuple(graph[name].shape[2] for name in op.inputs)
