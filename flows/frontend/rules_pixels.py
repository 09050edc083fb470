"""Operators that move pixels: nearest-neighbour upsampling, pixel shuffle, zeros around a map."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import onnx

from flows.errors import UnsupportedModel
from flows.frontend.constants import exact_values
from flows.frontend.onnx_file import attributes, describe
from flows.frontend.reader import Reader, constant_ints, map_shape
from flows.frontend.rules_layers import padded
from flows.frontend.value import Move


def resize(reader: Reader, node: onnx.NodeProto) -> None:
    """Resize and Upsample, where every pixel is repeated a whole number of times."""
    value = reader.value(node, node.input[0])
    _, h, w = map_shape(reader, node, value)
    options = attributes(node)
    target = reader.view.shape(node.output[0])
    new = (1, *target[2:]) if len(target) == 3 else target[2:]
    mode = options.get("mode", "nearest")
    if mode != "nearest" or target[1] != value.shape[1] or new[0] % h or new[1] % w:
        raise UnsupportedModel(
            f"{describe(node)}: {mode}, {value.shape} to {target}; supported: nearest, by whole factors"
        )
    factors = new[0] // h, new[1] // w
    transform = options.get("coordinate_transformation_mode", "half_pixel")
    rounding = options.get("nearest_mode", "round_prefer_floor")
    if node.op_type == "Upsample":
        transform, rounding = "asymmetric", "floor"
    for size, factor in ((h, factors[0]), (w, factors[1])):
        if any(_source(i, size, factor, transform, rounding, node) != i // factor for i in range(size * factor)):
            raise UnsupportedModel(
                f"{describe(node)}: {transform} with {rounding} does not repeat every pixel {factor} times; supported: "
                "nearest as PyTorch has it (asymmetric, floor)"
            )
    if factors == (1, 1):
        reader.put(node, value)
        return
    move = Move(describe(node), "upsample", value.order, factors=factors)
    reader.put(node, replace(value, moves=(*value.moves, move)))


def _source(index: int, size: int, factor: int, transform: str, rounding: str, node: onnx.NodeProto) -> int:
    """Which pixel ONNX takes for pixel `index` of the output."""
    half = Fraction(1, 2)
    if transform == "asymmetric":
        at = Fraction(index, factor)
    elif transform in ("half_pixel", "pytorch_half_pixel", "half_pixel_symmetric"):
        at = (index + half) / factor - half if size * factor > 1 or transform == "half_pixel" else Fraction(0)
    elif transform == "align_corners":
        at = Fraction(index * (size - 1), size * factor - 1) if size * factor > 1 else Fraction(0)
    else:
        raise UnsupportedModel(f"{describe(node)}: coordinates by {transform}; supported: asymmetric, half_pixel")
    if rounding == "floor":
        found = math.floor(at)
    elif rounding == "ceil":
        found = math.ceil(at)
    elif rounding == "round_prefer_ceil":
        found = math.floor(at + half)
    else:
        found = math.ceil(at - half)
    return min(max(found, 0), size - 1)


def depth_to_space(reader: Reader, node: onnx.NodeProto) -> None:
    """Pixel shuffle: PyTorch's order of channels is CRD, ONNX' default DCR."""
    value = reader.value(node, node.input[0])
    if any(move.kind == "shuffle" for move in value.moves):
        value = reader.build.moved(value)
    channels, _, _ = map_shape(reader, node, value)
    options = attributes(node)
    block, mode = int(options["blocksize"]), options.get("mode", "DCR")
    if mode not in ("DCR", "CRD") or channels % block**2 or len(value.shape) != 4:
        raise UnsupportedModel(f"{describe(node)}: mode {mode}, block {block}, {channels} channels")
    count, columns_first = channels // block**2, mode == "DCR"
    move = Move(describe(node), "shuffle", value.order, block=block, columns_first=columns_first)
    after = value.order % count if columns_first else value.order // block**2
    reader.put(node, replace(value, order=after, moves=(*value.moves, move)))


def pad(reader: Reader, node: onnx.NodeProto) -> None:
    """Zeros around the map, and nothing else."""
    options = attributes(node)
    pads = constant_ints(reader, node, 1, "pads") or []
    value = reader.moved(node, node.input[0])
    map_shape(reader, node, value)
    rank = len(value.shape)
    axes = constant_ints(reader, node, 3, "axes") or list(range(rank))
    if len(pads) != 2 * len(axes):
        raise UnsupportedModel(f"{describe(node)}: pads {pads} for the axes {axes}")
    begin, end = [0] * rank, [0] * rank
    for index, axis in enumerate(axes):
        begin[axis % rank], end[axis % rank] = pads[index], pads[index + len(axes)]
    given = exact_values(reader.view, node.input[2]) if len(node.input) > 2 and node.input[2] else None
    filler = given[0] if given else Fraction(float(options.get("value", 0.0)))
    if options.get("mode", "constant") != "constant" or filler or begin[:2] + end[:2] != [0] * 4:
        raise UnsupportedModel(f"{describe(node)}: supported: zeros around the pixels of a map")
    if min(begin + end) < 0:
        raise UnsupportedModel(f"{describe(node)}: negative pads {pads}; supported: 0 and more")
    (top, left), (bottom, right) = ((0, v[2]) if rank == 3 else (v[2], v[3]) for v in (begin, end))
    reader.put(node, replace(value, tensor=padded(reader, node, value, (top, left, bottom, right))))
