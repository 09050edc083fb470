"""Thresholding: counts per channel the thresholds that a value reaches; binary search, one memory a stage and lane."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from flows.design import Fold, Lowered, MemFile
from flows.errors import UnsupportedModel
from flows.graph import Graph, IntArray, IntType, Op, Thresholding
from flows.kernels import thresholding_const
from flows.kernels.base import divisors, require_divisor
from flows.kernels.memory import image

MAX_THRESHOLDS = 255


def legal(graph: Graph, op: Op) -> tuple[Fold, ...]:
    """Every divisor of the channels as PE, least parallel first."""
    return tuple(Fold(pe, 1) for pe in divisors(graph[op.inputs[0]].shape[2]))


def lower(graph: Graph, op: Op, fold: Fold, in_type: IntType, acc: tuple[int, ...] | None) -> Lowered:
    """The module `thresholding`, or with `fold.impl` "const" `thresholding_const`; thresholds in the bits they need."""
    assert isinstance(op, Thresholding)
    h, w, channels = graph[op.inputs[0]].shape
    require_divisor(op, "PE", fold.pe, channels, "channels")
    count = op.thresholds.shape[1]
    if not 1 <= count <= MAX_THRESHOLDS:
        raise UnsupportedModel(f"{op.name} (Thresholding): {count} thresholds; supported are 1 to {MAX_THRESHOLDS}")
    stored = stored_thresholds(graph, op)
    dtype = stored_type(stored)
    out_type = graph[op.outputs[0]].dtype
    if not out_type.holds(op.out_bias, op.out_bias + count):
        raise UnsupportedModel(
            f"{op.name} (Thresholding): {out_type} does not hold its results {op.out_bias}…{op.out_bias + count}"
        )
    if fold.impl == "const":
        return thresholding_const.lower(op, fold, in_type, out_type, stored, h * w)
    stem = f"{op.name}_thresholds"
    return Lowered(
        module="thresholding",
        params={
            "CHANNELS": channels,
            "PE": fold.pe,
            "INPUT_BITS": in_type.bits,
            "INPUT_SIGNED": int(in_type.signed),
            "OUT_BITS": out_type.bits,
            "OUT_BIAS": op.out_bias,
            "THRESHOLDS": count,
            "THRESH_BITS": dtype.bits,
            "THRESH_SIGNED": int(dtype.signed),
            "THRESH_FILE": stem,
            "RAM_STYLE": fold.ram_style,
        },
        in_lanes=fold.pe,
        out_lanes=fold.pe,
        out_type=out_type,
        work_beats=h * w * channels // fold.pe,
        memories=tuple(_memories(stem, stored, fold.pe, dtype)),
    )


def stored_thresholds(graph: Graph, op: Thresholding) -> IntArray:
    """(C, 2**stages - 1) thresholds as the hardware holds them: t = T - 1, x > t in place of x >= T.

    T outside the input's range [lo, hi] is always or never reached, so it is clipped to [lo, hi + 1]; the thresholds
    are filled up with hi, which no x exceeds.
    """
    x = graph[op.inputs[0]]
    stored = np.clip(op.thresholds, x.lo, x.hi + 1) - 1
    stages = int(op.thresholds.shape[1]).bit_length()
    missing = (1 << stages) - 1 - stored.shape[1]
    return np.pad(stored, ((0, 0), (0, missing)), constant_values=x.hi)


def stored_type(stored: IntArray) -> IntType:
    """The narrowest type of the stored thresholds."""
    return IntType.for_range(int(stored.min()), int(stored.max()))


def _memories(stem: str, stored: IntArray, pe: int, dtype: IntType) -> Iterator[MemFile]:
    """Stage s of lane p: word f * 2**s + prefix, channel f*PE + p."""
    stages = int(stored.shape[1]).bit_length()
    for s in range(stages):
        step = 1 << (stages - 1 - s)
        words = stored[:, step - 1 :: 2 * step]
        for p in range(pe):
            yield image(f"{stem}_{s}_{p}.hex", words[p::pe].reshape(-1, 1), dtype)
