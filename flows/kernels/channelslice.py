"""ChannelSlice on `channelslice.sv`: SIMD lanes, one input beat per cycle."""

from __future__ import annotations

import math

from flows.design import Fold, Lowered
from flows.graph import ChannelSlice, Graph, IntType, Op
from flows.kernels.base import divisors, require_divisor, require_one


def legal(graph: Graph, op: Op) -> tuple[Fold, ...]:
    """One fold for every common divisor of the channels, `start` and `stop`."""
    return tuple(Fold(pe=1, simd=simd) for simd in divisors(_common(graph, op)))


def lower(graph: Graph, op: Op, fold: Fold, in_type: IntType, acc: tuple[int, ...] | None) -> Lowered:
    """See flows.kernels.base. `fold.simd` divides the channels, `start` and `stop`; `fold.pe` is 1."""
    assert isinstance(op, ChannelSlice)
    h, w, c = graph[op.inputs[0]].shape
    require_one(op, "PE", fold.pe)
    common = _common(graph, op)
    require_divisor(op, "SIMD", fold.simd, common, "the common divisor of the channels, start and stop")
    params = {
        "WIDTH": fold.simd * in_type.bits, "FOLDS": c // fold.simd, "START": op.start // fold.simd,
        "STOP": op.stop // fold.simd,
    }  # fmt: skip
    return Lowered("channelslice", params, fold.simd, fold.simd, in_type, h * w * c // fold.simd)


def _common(graph: Graph, op: Op) -> int:
    assert isinstance(op, ChannelSlice)
    return math.gcd(graph[op.inputs[0]].shape[2], op.start, op.stop)
