"""Frames to the bytes that the accelerator's DMA moves, and back: numpy only, no loop over frames or elements.

One direction: quantize (float -> integers), arrange (network's layout -> NHWC), fold (NHWC -> beats of lanes), pack
(beats -> bytes). Back: unpack, unfold, dequantize. A beat is its lanes one after the other, lane 0 in the least
significant bits, two's complement, padded to `beat_bytes`; a frame is its beats, padded to `frame_bytes`.
"""

from __future__ import annotations

from typing import Any, Mapping, Sequence

import numpy as np

Spec = Mapping[str, Any]


def quantize(frames: np.ndarray, spec: Spec) -> np.ndarray:
    """clip(round(x / scale) + zero_point) as int64, half to even, in float64; `spec`: host_input of accelerator.json.

    Raises ValueError for frames that are not finite.
    """
    values = np.asarray(frames, dtype=np.float64)
    if not np.isfinite(values).all():
        raise ValueError("the frames hold NaN or infinite values")
    bits, signed, narrow = int(spec["bits"]), bool(spec["signed"]), int(bool(spec["narrow"]))
    low = narrow - (1 << (bits - 1)) if signed else 0
    high = (1 << (bits - 1)) - 1 if signed else (1 << bits) - 1 - narrow
    steps = np.rint(values / np.float64(spec["scale"])) + spec["zero_point"]
    return np.clip(steps, low, high).astype(np.int64)


def arrange(codes: np.ndarray, perm: Sequence[int] | None, shape: Sequence[int]) -> np.ndarray:
    """Frames (N, …) in the network's layout to (N, H, W, C), `shape` = (H, W, C); `perm` permutes (N, …)."""
    moved = codes if perm is None else codes.transpose(tuple(perm))
    return np.ascontiguousarray(moved).reshape((len(codes), *shape))


def fold(values: np.ndarray, lanes: int, window: int = 0) -> np.ndarray:
    """(N, H, W, C) to beats (N, H*W*C/lanes, lanes).

    `window` > 0: C is window * channels, in the order k * channels + c, and goes out as [channel fold][k][lane].
    """
    n, h, w, c = values.shape
    if window:
        channels = c // window
        values = values.reshape(n, h, w, window, channels // lanes, lanes).transpose(0, 1, 2, 4, 3, 5)
    return values.reshape(n, h * w * c // lanes, lanes)


def unfold(beats: np.ndarray, shape: Sequence[int], window: int = 0) -> np.ndarray:
    """Inverse of `fold`: (N, B, lanes) to (N, H, W, C), `shape` = (H, W, C)."""
    (h, w, c), lanes = shape, beats.shape[2]
    if window:
        beats = beats.reshape(len(beats), h, w, c // window // lanes, window, lanes).transpose(0, 1, 2, 4, 3, 5)
    return beats.reshape(len(beats), h, w, c)


def _container(bits: int) -> tuple[str, int]:
    """The smallest little-endian unsigned type that holds `bits` <= 64, and its bytes."""
    size = next(s for s in (1, 2, 4, 8) if 8 * s >= bits)
    return f"<u{size}", size


def pack(beats: np.ndarray, bits: int, beat_bytes: int, frame_bytes: int) -> np.ndarray:
    """Beats (N, B, lanes) of `bits`-bit integers to bytes, uint8 (N, frame_bytes)."""
    n, count, lanes = beats.shape
    dtype, size = _container(bits)
    # Two's complement survives the cast: only the lowest bits are kept.
    raw = np.ascontiguousarray(beats.astype(np.int64).astype(np.uint64).astype(dtype))
    if bits == 8 * size:
        data = raw.view(np.uint8).reshape(n, count, lanes * size)
    else:
        digits = np.unpackbits(raw.view(np.uint8).reshape(n, count, lanes, size), axis=3, count=bits, bitorder="little")
        data = np.packbits(digits.reshape(n, count, lanes * bits), axis=2, bitorder="little")
    packed = np.zeros((n, frame_bytes), dtype=np.uint8)
    packed[:, : count * beat_bytes].reshape(n, count, beat_bytes)[:, :, : data.shape[2]] = data
    return packed


def unpack(packed: np.ndarray, lanes: int, bits: int, signed: bool, beats: int, beat_bytes: int) -> np.ndarray:
    """Inverse of `pack`: bytes, uint8 (N, frame_bytes), to int64 (N, beats, lanes)."""
    n = len(packed)
    dtype, size = _container(bits)
    used = (lanes * bits + 7) // 8
    data = packed[:, : beats * beat_bytes].reshape(n, beats, beat_bytes)[:, :, :used]
    digits = np.unpackbits(np.ascontiguousarray(data), axis=2, count=lanes * bits, bitorder="little")
    whole = np.zeros((n, beats, lanes, 8 * size), dtype=np.uint8)
    whole[..., :bits] = digits.reshape(n, beats, lanes, bits)
    values = np.packbits(whole, axis=3, bitorder="little").view(dtype)[..., 0].astype(np.int64)
    if signed and bits < 64:
        half = np.int64(1) << np.int64(bits - 1)
        values = (values ^ half) - half
    return values


def dequantize(integers: np.ndarray, spec: Spec) -> np.ndarray:
    """The graph's output int64 (N, H, W, C) to what the network gives; `spec`: host_output of accelerator.json.

    float64 (N, *shape) after the host's multiplications and additions; with `label_select` int64 (N, k): class indices.
    """
    if spec["label_select"]:
        return integers.reshape(len(integers), -1)
    values = integers.astype(np.float64)
    for step in spec["steps"]:
        operand = np.asarray(step["value"], dtype=np.float64)
        values = values * operand if step["op"] == "Mul" else values + operand
    return np.ascontiguousarray(values.transpose(0, 3, 1, 2)).reshape((len(values), *spec["shape"]))
