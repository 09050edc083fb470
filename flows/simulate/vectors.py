"""Inputs that stress one layer: real activations, sums that reach the accumulator's ends, values around thresholds."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np

from flows.graph import MVAU, VVAU, Graph, IntArray, Op, Thresholding


def layer_inputs(graph: Graph, op: Op, golden: Mapping[str, IntArray], frames: int) -> tuple[IntArray, ...]:
    """Input frames of `op`, int64 (N, H, W, C) for each of its inputs: `frames` real frames from `golden`, then more.

    An MVAU or VVAU gets, per output channel, an input that reaches `acc_max` and one that reaches `acc_min`; a
    Thresholding gets T-1 and T of every threshold that lies within the range of its input; an operator with two inputs
    gets a frame of every combination of their smallest and largest values.
    """
    real = tuple(golden[name][:frames] for name in op.inputs)
    tensors = [graph[name] for name in op.inputs]
    if len(tensors) > 1:
        corners = itertools.product(*((t.lo, t.hi) for t in tensors))
        ends = zip(*corners, strict=True)
        return tuple(
            np.concatenate([x, *(np.full((1, *t.shape), value, dtype=np.int64) for value in values)])
            for x, t, values in zip(real, tensors, ends, strict=True)
        )
    pixels = _pixels(graph, op)
    if pixels is None:
        return real
    h, w, c = tensors[0].shape
    count = -len(pixels) % (h * w)
    padding = np.resize(real[0].reshape(-1, c), (count, c))
    return (np.concatenate([real[0], np.concatenate([pixels, padding]).reshape(-1, h, w, c)]),)


def _pixels(graph: Graph, op: Op) -> IntArray | None:
    x = graph[op.inputs[0]]
    match op:
        case MVAU():
            return extremes(op.weights, x.lo, x.hi)
        case VVAU():
            # Each channel has inputs of its own, so one pixel takes all of them to their ends.
            every = extremes(op.weights.reshape(-1, 1), x.lo, x.hi)
            return every.reshape(2, -1)
        case Thresholding():
            return around_thresholds(op.thresholds, x.lo, x.hi)
    return None


def extremes(weights: IntArray, lo: int, hi: int) -> IntArray:
    """(2*MH, MW): for every output channel the inputs in [lo, hi] with the largest and the smallest dot product."""
    positive = weights.T > 0
    largest = np.where(positive, hi, lo)
    smallest = np.where(positive, lo, hi)
    return np.concatenate([largest, smallest]).astype(np.int64)


def around_thresholds(thresholds: IntArray, lo: int, hi: int) -> IntArray:
    """(2*N, C): T-1 and T of every threshold, clipped to [lo, hi]."""
    columns = thresholds.T
    return np.asarray(np.clip(np.concatenate([columns - 1, columns]), lo, hi), dtype=np.int64)


def random_frames(graph: Graph, frames: int, seed: int) -> IntArray:
    """Input frames for a network that brings no vectors, int64 (frames, H, W, C).

    Smooth random pictures of varied contrast: uniform noise averages out in the first layer and tests little.
    """
    tensor = graph[graph.inputs[0]]
    h, w, c = tensor.shape
    rng = np.random.default_rng(seed)
    coarse = rng.random((frames, -(-h // 3), -(-w // 3), c))
    smooth = coarse.repeat(3, axis=1).repeat(3, axis=2)[:, :h, :w] + 0.25 * rng.random((frames, h, w, c))
    contrast = rng.uniform(0.2, 1.2, (frames, 1, 1, 1))
    span = tensor.hi - tensor.lo
    return np.clip(np.rint(tensor.lo + smooth * contrast * span), tensor.lo, tensor.hi).astype(np.int64)
