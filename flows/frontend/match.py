"""FINN's weights and thresholds against those that follow from the QONNX file."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from flows.errors import UnsupportedModel
from flows.frontend.chain import Layer
from flows.frontend.exact import Affine, Quantizer, float_threshold_range
from flows.frontend.onnx_file import Array
from flows.graph import IntArray, IntType

FLOAT32_ERROR = Fraction(1, 1 << 18)
"""What FINN's float32 arithmetic may be off by, relative to every term: some ten roundings of 2**-24, and room."""


def matrix(layer: Layer, channels_last: bool) -> IntArray:
    """The layer's integer weights as an MVAU takes them, (MW, MH): window (kh, kw, c), or the flattened map's order.

    `channels_last`: the map that the layer flattens streams in NHWC, not NCHW.
    """
    w = layer.weights
    if layer.flattened is not None and channels_last:
        w = w.reshape(w.shape[0], *layer.flattened)
    if w.ndim == 4:
        w = w.transpose(0, 2, 3, 1)
    return np.ascontiguousarray(w.reshape(w.shape[0], -1).T)


def signs_of(name: str, layer: Layer, expected: IntArray, found: Array, channels: Sequence[Affine]) -> list[int]:
    """Per output channel +1 or -1: FINN's integers equal the file's times the sign.

    FINN turns a channel whose scale is negative and clears one whose scale is 0. `found`: FINN's weights (MW, MH).
    Raises UnsupportedModel naming the first channel that does not match.
    """
    if found.shape != expected.shape:
        raise UnsupportedModel(f"{name}: FINN's weights have shape {found.shape}, {layer.node} has {expected.shape}")
    same, turned = (found == expected).all(axis=0), (found == -expected).all(axis=0)
    cleared = (found == 0).all(axis=0)
    signs = []
    for c, affine in enumerate(channels):
        if not (same[c] or turned[c] or (cleared[c] and affine.scale == 0)):
            raise UnsupportedModel(f"{name}: the weights of output channel {c} are not those of {layer.node}")
        both = same[c] == turned[c]  # zero weights fit either sign: take the one that lets the channel rise
        signs.append((1 if affine.scale >= 0 else -1) if both else 1 if same[c] else -1)
    return signs


def turn(channels: Sequence[Affine], signs: Sequence[int]) -> tuple[Affine, ...]:
    """The channels as functions of the turned integers."""
    return tuple(Affine(a.scale * s, a.offset, a.terms) for a, s in zip(channels, signs, strict=True))


def check_thresholds(
    name: str, node: str, found: Array, source: IntType, channels: Sequence[Affine], quantizer: Quantizer
) -> None:
    """Raises UnsupportedModel unless FINN's thresholds (C or 1, N) are ours, up to what float32 explains.

    `source`: FINN's type of the input, to which FINN clips. Channels with scale 0 are skipped: FINN replaces them.
    """
    steps = quantizer.hi - quantizer.lo
    if found.ndim != 2 or found.shape[0] not in (1, len(channels)) or found.shape[1] != steps:
        expected = (len(channels), steps)
        raise UnsupportedModel(f"{name}: FINN's thresholds have shape {found.shape}, {node} asks for {expected}")
    cache: dict[Affine, tuple[IntArray, IntArray]] = {}
    for c, affine in enumerate(channels):
        if affine.scale < 0:
            raise UnsupportedModel(f"{name}: channel {c} of {node} falls with its input, and FINN did not turn it")
        if affine.scale == 0:
            continue
        if affine not in cache:
            cache[affine] = float_threshold_range(affine, quantizer, FLOAT32_ERROR)
        low, high = (np.clip(limit, source.min, source.max + 1) for limit in cache[affine])
        row = found[c if found.shape[0] > 1 else 0]
        wrong = (row < low) | (row > high)
        if wrong.any():
            i = int(np.argmax(wrong))
            raise UnsupportedModel(
                f"{name}: FINN's threshold {i} of channel {c} is {row[i]:g}; the scales of {node} put it in "
                f"[{low[i]}, {high[i]}]"
            )
