"""Exact value ranges of tensors, in integers: what an operator can put out for what it may be given."""

from __future__ import annotations

import numpy as np

from flows.errors import UnsupportedModel
from flows.graph import (
    MVAU,
    ConvolutionInputGenerator,
    Flatten,
    FMPadding,
    IntArray,
    LabelSelect,
    Op,
    Pool,
    Shape,
    Thresholding,
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


def propagate(op: Op, lo: int, hi: int, shape: Shape) -> tuple[int, int]:
    """Range [lo, hi] of the output of `op`, over all channels, for an input of `shape` (H, W, C) within [lo, hi].

    Raises UnsupportedModel for an operator without a rule.
    """
    match op:
        case FMPadding():
            return (min(lo, 0), max(hi, 0)) if any(op.pad) else (lo, hi)
        case ConvolutionInputGenerator() | Pool() | Flatten():
            return lo, hi
        case MVAU():
            acc_min, acc_max = mvau_channel_ranges(op.weights, lo, hi)
            return int(acc_min.min()), int(acc_max.max())
        case Thresholding():
            passed_low = (op.thresholds <= lo).sum(axis=1)
            passed_high = (op.thresholds <= hi).sum(axis=1)
            return op.out_bias + int(passed_low.min()), op.out_bias + int(passed_high.max())
        case LabelSelect():
            return 0, shape[2] - 1
    raise UnsupportedModel(f"{op.name}: no value range known for operator {op.kind}")
