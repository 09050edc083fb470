"""The window of a convolution or pooling: kernel, stride, dilation and pads, whichever way the file writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import onnx

from flows.errors import UnsupportedModel
from flows.frontend.onnx_file import GraphView, attributes, describe

Pair = tuple[int, int]


@dataclass(frozen=True)
class Window:
    """Rows first; `pad` = (top, left, bottom, right). `output_padding`: of a transposed convolution."""

    kernel: Pair
    stride: Pair
    dilation: Pair
    pad: tuple[int, int, int, int]
    output_padding: Pair = (0, 0)


def window_of(view: GraphView, node: onnx.NodeProto, shape: tuple[int, ...]) -> Window:
    """The window of `node` on an input of `shape`, (1, C, H, W) or (1, C, W): 1-D kernels become (1, K).

    Raises UnsupportedModel naming the node where something is missing or has another number of dimensions.
    """
    options, dims = attributes(node), len(shape) - 2
    if dims not in (1, 2):
        raise UnsupportedModel(f"{describe(node)} on shape {shape}; supported: maps (1, C, H, W) or (1, C, W)")
    kernel = list(options.get("kernel_shape", []))
    if not kernel and node.op_type in ("Conv", "ConvTranspose"):
        kernel = list(view.shape(node.input[1])[2:])
    if not kernel:
        raise UnsupportedModel(f"{describe(node)}: kernel_shape is missing")
    stride, dilation, extra = (
        list(options.get(key) or [default] * dims)
        for key, default in (("strides", 1), ("dilations", 1), ("output_padding", 0))
    )
    if not len(kernel) == len(stride) == len(dilation) == len(extra) == dims:
        raise UnsupportedModel(f"{describe(node)}: a {len(kernel)}-D window on shape {shape}")
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    pads = _pads(view, node, options, shape[2:], reach, stride, extra)
    begin, end = pads[:dims], pads[dims:]
    if options.get("ceil_mode", 0):
        end = [
            max(e, (out - 1) * s + r - size - b)
            for e, out, s, r, size, b in zip(
                end, view.shape(node.output[0])[2:], stride, reach, shape[2:], begin, strict=True
            )
        ]
    if min(*begin, *end) < 0:
        raise UnsupportedModel(f"{describe(node)}: negative pads {begin + end}; supported: 0 and more")
    top, left, bottom, right = _pair(begin, 0) + _pair(end, 0)
    return Window(_pair(kernel, 1), _pair(stride, 1), _pair(dilation, 1), (top, left, bottom, right), _pair(extra, 0))


def _pair(values: Sequence[int], missing: int) -> Pair:
    return (missing, int(values[0])) if len(values) == 1 else (int(values[0]), int(values[1]))


def _pads(
    view: GraphView, node: onnx.NodeProto, options: Mapping[str, Any], sizes: Sequence[int], reach: Sequence[int],
    stride: Sequence[int], extra: Sequence[int],
) -> list[int]:  # fmt: skip
    """Pads as ONNX lists them, all beginnings, then all ends; worked out where the file gives a rule instead."""
    dims, mode = len(sizes), options.get("auto_pad", "NOTSET")
    pads = list(options.get("pads") or [0] * (2 * dims))
    if mode not in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"):
        raise UnsupportedModel(f"{describe(node)}: auto_pad = {mode}")
    if len(pads) != 2 * dims:
        raise UnsupportedModel(f"{describe(node)}: {len(pads)} pads for {dims} dimensions")
    out = view.shape(node.output[0])[2:]
    if node.op_type == "ConvTranspose" and ("output_shape" in options or mode in ("SAME_UPPER", "SAME_LOWER")):
        given = options.get("output_shape") or [n * s for n, s in zip(sizes, stride, strict=True)]
        total = [
            s * (n - 1) + e + r - o
            for n, s, e, r, o in zip(sizes, stride, extra, reach, list(given)[-dims:], strict=True)
        ]
        return _halves(total, mode == "SAME_UPPER")
    if mode == "VALID":
        return [0] * (2 * dims)
    if mode == "NOTSET":
        return pads
    total = [max((o - 1) * s + r - n, 0) for n, s, r, o in zip(sizes, stride, reach, out, strict=True)]
    return _halves(total, mode == "SAME_UPPER")


def _halves(total: Sequence[int], more_behind: bool) -> list[int]:
    small, large = [t // 2 for t in total], [t - t // 2 for t in total]
    return small + large if more_behind else large + small
