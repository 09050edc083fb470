"""Integer tensors as the beats of a stream, and back: lane 0 in the least significant bits, bytes little-endian."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flows.graph import IntArray

Bytes = npt.NDArray[np.uint8]


def bytes_per_beat(bits: int) -> int:
    return (bits + 7) // 8


def fold(values: IntArray, lanes: int, window: int = 0, group: int = 0) -> IntArray:
    """Tensor (N, H, W, C) to beats (N, H*W*C/lanes, lanes).

    `window` > 0: C is window*channels in element order k*channels + c, sent as [channel fold][k][channel] (depthwise),
    where a fold is `group` channels, by default as many as `lanes`.
    """
    n, h, w, c = values.shape
    if window:
        channels, group = c // window, group or lanes
        values = values.reshape(n, h, w, window, channels // group, group).transpose(0, 1, 2, 4, 3, 5)
    return values.reshape(n, -1, lanes)


def unfold(beats: IntArray, shape: tuple[int, int, int], window: int = 0, group: int = 0) -> IntArray:
    """Inverse of `fold`: beats (N, B, lanes) to (N, H, W, C)."""
    h, w, c = shape
    n, _, lanes = beats.shape
    if window:
        channels, group = c // window, group or lanes
        beats = beats.reshape(n, h, w, channels // group, window, group).transpose(0, 1, 2, 4, 3, 5)
    return beats.reshape(n, h, w, c)


def pack(lanes: IntArray, bits: int) -> Bytes:
    """(..., L) integers of `bits` <= 63 bits, two's complement, to (..., bytes_per_beat(L*bits)) uint8."""
    shifts = np.arange(bits, dtype=np.int64)
    stream = ((lanes[..., None] >> shifts) & 1).astype(np.uint8).reshape(*lanes.shape[:-1], -1)
    return np.packbits(stream, axis=-1, bitorder="little")


def unpack(data: Bytes, lanes: int, bits: int, signed: bool) -> IntArray:
    """Inverse of `pack`: (..., bytes) uint8 to (..., lanes) int64."""
    stream = np.unpackbits(data, axis=-1, bitorder="little", count=lanes * bits)
    digits = stream.reshape(*data.shape[:-1], lanes, bits).astype(np.int64)
    weights = np.int64(1) << np.arange(bits, dtype=np.int64)
    if signed:
        weights[-1] = -weights[-1]
    return digits @ weights
