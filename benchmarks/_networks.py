"""Networks with random weights for benchmarks of the compiler: nothing is trained, and nothing depends on training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from flows.graph import (
    MVAU,
    ConvolutionInputGenerator,
    Flatten,
    FMPadding,
    Graph,
    IntType,
    LabelSelect,
    Op,
    Pool,
    Tensor,
    Thresholding,
    by_name,
    output_shape,
)
from flows.ranges import mvau_channel_ranges


@dataclass
class Chain:
    """Grows a chain of operators on one input, (H, W, C) of `bits` unsigned bits."""

    shape: tuple[int, int, int]
    bits: int = 8
    seed: int = 0
    ops: list[Op] = field(default_factory=list)
    tensors: list[Tensor] = field(default_factory=list)

    def __post_init__(self) -> None:
        dtype = IntType(self.bits, False)
        self.rng = np.random.default_rng(self.seed)
        self.tensors.append(Tensor("x", self.shape, dtype, dtype.min, dtype.max))

    def convolution(self, channels: int, bits: int = 4, activation_bits: int = 4) -> None:
        """3x3, rows and columns kept, and a quantizer."""
        self._add(FMPadding(*self._names("FMPadding"), (1, 1, 1, 1)))
        self._add(
            ConvolutionInputGenerator(*self._names("ConvolutionInputGenerator"), (3, 3), (1, 1), (1, 1))
        )  # fmt: skip
        self.dense(channels, bits, activation_bits)

    def pool(self) -> None:
        """2x2 maximum."""
        names = self._names("ConvolutionInputGenerator")
        self._add(ConvolutionInputGenerator(*names, (2, 2), (2, 2), (1, 1), depthwise=True))
        self._add(Pool(*self._names("Pool"), 4))

    def flatten(self) -> None:
        """(H, W, C) to one pixel."""
        self._add(Flatten(*self._names("Flatten")))

    def dense(self, outputs: int, bits: int = 4, activation_bits: int | None = 4) -> None:
        """A matrix and, with `activation_bits`, a quantizer."""
        last = self.tensors[-1]
        weights = self.rng.integers(-(1 << (bits - 1)), 1 << (bits - 1), (last.shape[2], outputs))
        lows, highs = mvau_channel_ranges(weights, last.lo, last.hi)
        lo, hi = int(lows.min()), int(highs.max())
        dtype = IntType.for_range(lo, hi, signed=True)
        self._add(MVAU(*self._names("MVAU"), weights, IntType(bits, True)), dtype, lo, hi)
        if activation_bits is not None:
            count = (1 << activation_bits) - 1
            steps = np.sort(self.rng.integers(lo // 4, hi // 4 + 1, (outputs, count)), axis=1)
            self._add(
                Thresholding(*self._names("Thresholding"), steps), IntType(activation_bits, False), 0, count
            )  # fmt: skip

    def label(self) -> None:
        """The index of the largest."""
        classes = self.tensors[-1].shape[2]
        dtype = IntType.for_range(0, classes - 1)
        self._add(LabelSelect(*self._names("LabelSelect")), dtype, 0, classes - 1)

    def graph(self, name: str) -> Graph:
        """What has grown. Raises UnsupportedModel where it is not legal."""
        graph = Graph(name, ("x",), (self.tensors[-1].name,), tuple(self.ops), by_name(self.tensors))
        graph.validate()
        return graph

    def frames(self, count: int) -> np.ndarray:
        """Random input, int64 (count, H, W, C)."""
        x = self.tensors[0]
        return self.rng.integers(x.lo, x.hi + 1, (count, *x.shape))

    def _names(self, kind: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
        name = f"{kind}_{sum(op.kind == kind for op in self.ops)}"
        return name, (self.tensors[-1].name,), (f"{name}_out",)

    def _add(self, op: Op, dtype: IntType | None = None, lo: int | None = None, hi: int | None = None) -> None:
        last = self.tensors[-1]
        shape = output_shape(op, last.shape)
        low, high = last.lo if lo is None else lo, last.hi if hi is None else hi
        self.ops.append(op)
        self.tensors.append(Tensor(op.outputs[0], shape, dtype or last.dtype, low, high))


def cnn(size: int, channels: Sequence[int], hidden: Sequence[int], seed: int = 0) -> Chain:
    """Convolutions of `channels`, a pool after each, dense layers of `hidden`, ten classes; W4A4, 8-bit input."""
    chain = Chain((size, size, 3), seed=seed)
    for number, count in enumerate(channels):
        chain.convolution(count, 8 if number == 0 else 4)
        chain.pool()
    chain.flatten()
    for count in hidden:
        chain.dense(count)
    chain.dense(10, activation_bits=None)
    chain.label()
    return chain
