"""Exact value ranges of tensors, in integers: what an operator can put out for what it may be given."""

from __future__ import annotations

import numpy as np

from flows.errors import UnsupportedModel
from flows.graph import (
    MVAU,
    VVAU,
    Add,
    ChannelSlice,
    Concat,
    ConvolutionInputGenerator,
    DepthToSpace,
    Flatten,
    FMPadding,
    FMPaddingPixel,
    GlobalAccPool,
    IntArray,
    LabelSelect,
    Op,
    Pool,
    Tensor,
    Thresholding,
    UpsampleNearest,
)


def mvau_channel_ranges(weights: IntArray, lo: int, hi: int) -> tuple[IntArray, IntArray]:
    """(acc_min, acc_max), int64 (MH,) each: the exact range of every output channel's sum, and of every partial sum.

    weights: int64 (MW, MH); lo, hi: range of the inputs, widened here to include 0, so that a sum over some of the
    inputs (in any order) and zero padding stay inside. Raises UnsupportedModel where a sum leaves 63 bits.
    """
    low, high = min(int(lo), 0), max(int(hi), 0)
    w = np.asarray(weights)
    if not np.issubdtype(w.dtype, np.integer) or w.ndim != 2:
        raise ValueError(f"weights must be integers (MW, MH), not {w.dtype} {w.shape}")
    largest = max(abs(int(w.max())), abs(int(w.min()))) if w.size else 0
    if w.shape[0] * largest * max(-low, high) >= 1 << 62:
        raise UnsupportedModel(f"sums of {w.shape[0]} products of up to {largest} x {max(-low, high)} leave 63 bits")
    w = w.astype(np.int64)
    positive = np.where(w > 0, w, 0).sum(axis=0, dtype=np.int64)
    negative = np.where(w < 0, w, 0).sum(axis=0, dtype=np.int64)
    return low * positive + high * negative, high * positive + low * negative


def propagate(op: Op, *inputs: Tensor) -> tuple[int, int]:
    """Range [lo, hi] of the output of `op`, over all channels, for `inputs` within their own ranges.

    Raises UnsupportedModel for an operator without a rule.
    """
    x = inputs[0]
    lo, hi = x.lo, x.hi
    match op:
        case FMPadding():
            return (min(lo, 0), max(hi, 0)) if any(op.pad) else (lo, hi)
        case FMPaddingPixel():
            return (min(lo, 0), max(hi, 0)) if op.stride != (1, 1) else (lo, hi)
        case ConvolutionInputGenerator() | Flatten() | ChannelSlice() | UpsampleNearest() | DepthToSpace():
            return lo, hi
        case Pool():
            return (lo, hi) if op.function == "max" else _sum_range(lo, hi, op.window)
        case GlobalAccPool():
            return _sum_range(lo, hi, x.shape[0] * x.shape[1])
        case MVAU() | VVAU():
            acc_min, acc_max = mvau_channel_ranges(op.weights, lo, hi)
            return int(acc_min.min()), int(acc_max.max())
        case Add():
            parts = [(f * t.lo, f * t.hi) for f, t in zip(op.factors, inputs, strict=True)]
            return sum(min(p) for p in parts), sum(max(p) for p in parts)
        case Concat():
            return min(t.lo for t in inputs), max(t.hi for t in inputs)
        case Thresholding():
            passed_low = (op.thresholds <= lo).sum(axis=1)
            passed_high = (op.thresholds <= hi).sum(axis=1)
            return op.out_bias + int(passed_low.min()), op.out_bias + int(passed_high.max())
        case LabelSelect():
            return 0, x.shape[2] - 1
    raise UnsupportedModel(f"{op.name}: no value range known for operator {op.kind}")


def _sum_range(lo: int, hi: int, count: int) -> tuple[int, int]:
    """Of a sum of `count` values and of every partial sum of it."""
    return min(lo, 0) * count, max(hi, 0) * count
