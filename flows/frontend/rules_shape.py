"""Operators that rename the axes of a tensor: Reshape, Flatten, Squeeze, Unsqueeze, Transpose."""

from __future__ import annotations

import math
from dataclasses import replace

import onnx

from flows.errors import UnsupportedModel
from flows.frontend.onnx_file import attributes, describe
from flows.frontend.reader import Raw, Reader


def reshape(reader: Reader, node: onnx.NodeProto) -> None:
    """A map to a vector (1, C*H*W), a vector to a map of one pixel, and axes of length 1."""
    target = reader.view.shape(node.output[0])
    if node.input[0] in reader.raw:
        raw = reader.raw[node.input[0]]
        same = raw.shape == target
        reader.raw[node.output[0]] = Raw(target, raw.perm, raw.reshaped or not (same or len(target) == 2))
        return
    value = reader.value(node, node.input[0])
    old, build = value.shape, reader.build
    if target == old:
        reader.put(node, value)
        return
    if target[0] != 1 or math.prod(target) != math.prod(old):
        raise UnsupportedModel(f"{describe(node)}: {old} to {target}; supported: one frame")
    if len(target) == 2 and len(old) in (3, 4):
        reader.put(node, replace(value, flat=math.prod(old[2:]) > 1))
        return
    pixels = target[2:]
    if len(old) == 2 and len(target) in (3, 4):
        h, w, c = build.tensors[value.tensor].shape
        if value.flat and not value.moves and (*(1, c), *((h, w) if len(target) == 4 else (w,))) == target:
            reader.put(node, replace(value, flat=False))
            return
        if math.prod(pixels) == 1:
            reader.put(node, build.vector(value))
            return
    if len(old) == 4 and old[2] == 1 and target == (*old[:2], old[3]):
        reader.put(node, value)
        return
    if len(old) == 3 and target == (*old[:2], 1, old[2]):
        reader.put(node, value)
        return
    raise UnsupportedModel(f"{describe(node)}: {old} to {target}; supported: a map to a vector (1, C*H*W)")


def transpose(reader: Reader, node: onnx.NodeProto) -> None:
    """Of the network's input, by the host; of a quantized tensor only where nothing moves."""
    given = attributes(node).get("perm")
    if node.input[0] in reader.raw:
        raw = reader.raw[node.input[0]]
        perm = tuple(given or range(len(raw.shape))[::-1])
        if perm == tuple(range(len(raw.shape))):
            reader.raw[node.output[0]] = raw
            return
        if raw.reshaped or len(perm) != len(raw.perm) or perm[0] != 0:
            raise UnsupportedModel(f"{describe(node)}: the network's input is reshaped before it is transposed")
        shape = tuple(raw.shape[axis] for axis in perm)
        reader.raw[node.output[0]] = Raw(shape, tuple(raw.perm[axis] for axis in perm))
        return
    value = reader.value(node, node.input[0])
    perm = tuple(given or range(len(value.shape))[::-1])
    if perm != tuple(range(len(value.shape))):
        raise UnsupportedModel(f"{describe(node)} by {perm}; supported: of the network's input, before its Quant node")
    reader.put(node, value)
