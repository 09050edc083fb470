"""Small integer networks for tests: random weights and thresholds, no training."""

from __future__ import annotations

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


class Chain:
    """Builds a chain operator by operator; `graph()` checks and returns it."""

    def __init__(self, shape, bits=4, seed=0):
        dtype = IntType(bits, False)
        self.tensors = [Tensor("x", shape, dtype, dtype.min, dtype.max)]
        self.ops: list[Op] = []
        self.rng = np.random.default_rng(seed)

    def _add(self, op: Op, dtype=None, lo=None, hi=None):
        last = self.tensors[-1]
        dtype, lo, hi = dtype or last.dtype, last.lo if lo is None else lo, last.hi if hi is None else hi
        self.ops.append(op)
        self.tensors.append(Tensor(op.outputs[0], output_shape(op, last.shape), dtype, lo, hi))
        return self

    def _names(self, kind):
        name = f"{kind}_{sum(op.kind == kind for op in self.ops)}"
        return name, (self.tensors[-1].name,), (f"{name}_out",)

    def pad(self, n=1):
        return self._add(FMPadding(*self._names("FMPadding"), (n, n, n, n)))

    def window(self, k=3, stride=1):
        return self._add(
            ConvolutionInputGenerator(*self._names("ConvolutionInputGenerator"), (k, k), (stride, stride), (1, 1))
        )

    def mvau(self, mh, bits=4):
        last = self.tensors[-1]
        weights = self._weights(last.shape[2], mh, bits)
        lo, hi = mvau_channel_ranges(weights, last.lo, last.hi)
        lo, hi = int(lo.min()), int(hi.max())
        op = MVAU(*self._names("MVAU"), weights, IntType(bits, True))
        return self._add(op, IntType.for_range(lo, hi, signed=True), lo, hi)

    def _weights(self, mw, mh, bits):
        return self.rng.integers(-(1 << (bits - 1)), 1 << (bits - 1), (mw, mh))

    def thresholds(self, bits=4):
        last = self.tensors[-1]
        count = (1 << bits) - 1
        t = np.sort(self.rng.integers(last.lo // 4, last.hi // 4 + 1, (last.shape[2], count)), axis=1)
        return self._add(Thresholding(*self._names("Thresholding"), t), IntType(bits, False), 0, count)

    def pool(self, k=2):
        name = self._names("ConvolutionInputGenerator")
        self._add(ConvolutionInputGenerator(*name, (k, k), (k, k), (1, 1), depthwise=True))
        return self._add(Pool(*self._names("Pool"), k * k))

    def flatten(self):
        return self._add(Flatten(*self._names("Flatten")))

    def label(self):
        classes = self.tensors[-1].shape[2]
        dtype = IntType.for_range(0, classes - 1)
        return self._add(LabelSelect(*self._names("LabelSelect")), dtype, 0, classes - 1)

    def graph(self, name="net", trained=None):
        graph = Graph(name, ("x",), (self.tensors[-1].name,), tuple(self.ops), by_name(self.tensors), trained or {})
        graph.validate()
        return graph

    def inputs(self, frames):
        x = self.tensors[0]
        return self.rng.integers(x.lo, x.hi + 1, (frames, *x.shape))


def small_cnn(seed=0):
    """6x6x2, conv 3x3 to 4, max-pool, dense to 5, label: every operator once."""
    return Chain((6, 6, 2), seed=seed).pad().window().mvau(4).thresholds().pool().flatten().mvau(5).label()
