"""What the front end hands on: the graph, and what the host does before and after it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from flows.graph import Graph, IntArray, Shape
from flows.input_quantizer import quantize_input

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class InputSpec:
    """The network's input: per frame `shape` ((C, H, W) or (features,)), quantized as `flows.input_quantizer` does.

    `perm`, `graph_shape`: the quantized (1, *shape) frame is transposed by `perm` (None: not), then reshaped to
    `graph_shape` (H, W, C), the shape of the graph's input tensor.
    """

    shape: tuple[int, ...]
    scale: float
    zero_point: int
    bits: int
    signed: bool
    narrow: bool
    perm: tuple[int, ...] | None
    graph_shape: Shape

    def quantize(self, x: npt.NDArray[np.floating]) -> IntArray:
        """Frames (N, *shape), float, to the graph's input, int64 (N, H, W, C)."""
        return self.arrange(quantize_input(x, self.scale, self.zero_point, self.bits, self.signed, self.narrow))

    def arrange(self, codes: IntArray) -> IntArray:
        """Quantized frames int64 (N, *shape), or their flattening, to (N, H, W, C).

        Raises ValueError for frames of another shape.
        """
        if codes.ndim == 2 and codes.shape[1] == math.prod(self.shape):
            codes = codes.reshape(-1, *self.shape)
        if codes.shape[1:] != self.shape:
            raise ValueError(f"frames of shape {codes.shape[1:]}, expected {self.shape}")
        moved = codes if self.perm is None else codes.transpose(self.perm)
        return np.ascontiguousarray(moved.reshape(codes.shape[0], *self.graph_shape))


@dataclass(frozen=True, eq=False)
class HostStep:
    """One step after the accelerator: "Mul" or "Add" of `value`, float64, one number or one per channel."""

    op: Literal["Mul", "Add"]
    value: Floats


@dataclass(frozen=True, eq=False)
class OutputSpec:
    """From the graph's output integers to the network's output, per frame `shape` as the QONNX file has it.

    `steps` act on the channels (last axis) in order; then NHWC becomes NCHW and the frame is reshaped. With
    `label_select` the graph gives the index of the largest score and there is nothing to do.
    """

    shape: tuple[int, ...]
    steps: tuple[HostStep, ...]
    label_select: bool = False

    def apply(self, integers: IntArray) -> Floats:
        """The graph's output int64 (N, H, W, C) to float64 (N, *shape)."""
        values = integers.astype(np.float64)
        for step in self.steps:
            values = values * step.value if step.op == "Mul" else values + step.value
        return np.ascontiguousarray(values.transpose(0, 3, 1, 2)).reshape(integers.shape[0], *self.shape)


@dataclass(frozen=True, eq=False)
class Layout:
    """How a framework's integers lie in the graph's `tensor`: channel g holds the file's channel `order[g]`.

    There, graph integer = (factors * framework's integer + shifts) / divisors, per graph channel; everywhere 1, 0 and
    1 but for bipolar values, which are -1 and 1 to the framework and may be one unsigned bit to the graph.
    """

    tensor: str
    order: IntArray
    factors: IntArray
    shifts: IntArray
    divisors: IntArray

    def arrange(self, integers: IntArray, shape: Shape) -> IntArray:
        """Integers (N, C, H, W), (N, C, W) or flattened to the graph's (N, H, W, C), `shape` = (H, W, C).

        Raises ValueError where the elements do not fit, or the graph has no such integer.
        """
        h, w, c = shape
        known = {(c, h, w), (c * h * w,), *([(c, w)] if h == 1 else [])}
        given = integers.shape[1:]
        if given not in known and not ((h, w) == (1, 1) and math.prod(given) == c):
            raise ValueError(f"{self.tensor}: integers of shape {given}, the graph has (H, W, C) = {shape}")
        moved = integers.reshape(integers.shape[0], c, h, w)[:, self.order].transpose(0, 2, 3, 1)
        scaled = moved.astype(np.int64) * self.factors + self.shifts
        if np.any(scaled % self.divisors):
            raise ValueError(f"{self.tensor}: integers that the graph has no value for")
        return np.ascontiguousarray(scaled // self.divisors)


@dataclass(frozen=True, eq=False)
class Imported:
    """`layouts[k]`: where the integers of the k-th activation quantizer are (0: the input), in execution order.

    `sums`: of the network's own result, before any label selection; None where the framework has no integers there.
    """

    graph: Graph
    input: InputSpec
    output: OutputSpec
    layouts: Mapping[int, Layout]
    sums: Layout | None = None

    @property
    def quant_tensors(self) -> dict[int, str]:
        """The graph's tensor with the integers of the k-th activation quantizer."""
        return {k: layout.tensor for k, layout in self.layouts.items()}

    def arrange(self, k: int, codes: IntArray) -> IntArray:
        """Integers of quantizer k as the framework has them, (N, C, H, W) or (N, F), to its graph tensor (N, H, W, C).

        Raises ValueError where the elements do not fit.
        """
        layout = self.layouts[k]
        return layout.arrange(codes, self.graph[layout.tensor].shape)

    def arrange_sums(self, integers: IntArray) -> IntArray:
        """The framework's integer result to the tensor of `sums`. Raises ValueError where there is none."""
        if self.sums is None:
            raise ValueError("the network's output is not made of one quantizer's or one layer's integers")
        return self.sums.arrange(integers, self.graph[self.sums.tensor].shape)
