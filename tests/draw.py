"""Legal parameters, weights and vectors of every operator, drawn by number: the same in RTL, in HLS and for golden.

case = draw("MVAU", 17)     the same in every run; case.unit is its RTL, case.layer its HLS
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from flows.accumulators import analyse
from flows.beats import fold as to_beats
from flows.design import Fold, Stream
from flows.emit.hls import layer as hls
from flows.golden import apply
from flows.graph import (
    MVAU,
    VVAU,
    Add,
    ChannelSlice,
    Concat,
    ConvolutionInputGenerator,
    DepthToSpace,
    FMPadding,
    FMPaddingPixel,
    GlobalAccPool,
    Graph,
    IntArray,
    IntType,
    LabelSelect,
    Op,
    Pool,
    Shape,
    Thresholding,
    UpsampleNearest,
)
from flows.kernels.base import divisors
from flows.kernels.registry import kernel_of
from flows.simulate.vectors import layer_inputs
from tests.kernels.harness import Unit, one_op

FRAMES = 3
"""Random ones, besides those that reach the ends of accumulators and the thresholds."""


@dataclass(frozen=True, eq=False)
class Case:
    """One parameter set: as an RTL module with its vectors and what must come out, and as an HLS function."""

    unit: Unit
    layer: hls.Layer


class Draw:
    """Draws; what it gives follows from the operator's kind and the number alone."""

    def __init__(self, kind: str, number: int) -> None:
        self.random = random.Random(f"{kind} {number}")
        self.name = f"{kind}_{number}"
        self.numbers = np.random.default_rng(self.random.getrandbits(32))

    def integer(self, low: int, high: int) -> int:
        return self.random.randint(low, high)

    def one_of(self, *values):
        return self.random.choice(values)

    def dtype(self, most: int = 8) -> IntType:
        return IntType(self.integer(1, most), self.one_of(False, True))

    def map(self, most: int = 5, channels: int = 8) -> Shape:
        return self.integer(1, most), self.integer(1, most), self.integer(1, channels)

    def divisor(self, n: int) -> int:
        return self.one_of(*divisors(n))

    def style(self) -> str:
        return self.one_of("auto", "distributed", "block")

    def weights(self, mw: int, mh: int) -> tuple[IntArray, IntType]:
        """The channels differ in magnitude, so that their accumulators differ in width; some are all zero."""
        signed = self.one_of(False, True, True)
        dtype = IntType(self.integer(1, 7 + signed), signed)
        values = self.numbers.integers(dtype.min, dtype.max + 1, (mw, mh))
        return np.asarray(np.trunc(values / (1 + self.numbers.integers(0, 4, mh))), dtype=np.int64), dtype

    def moved(self, op: Op, shape: Shape, simd: int, style: str = "auto") -> Case:
        return self.case(one_op(op, (shape, self.dtype(12))), Fold(1, simd, ram_style=style))

    def case(
        self, graph: Graph, fold: Fold, types: Sequence[IntType] = (), acc: tuple[int, ...] | None = None
    ) -> Case:  # fmt: skip
        (op,) = graph.ops
        types = tuple(types) or tuple(graph[name].dtype for name in op.inputs)
        tensors = [graph[name] for name in op.inputs]
        drawn = {t.name: self.numbers.integers(t.lo, t.hi + 1, (FRAMES, *t.shape)) for t in tensors}
        inputs = layer_inputs(graph, op, drawn, FRAMES)
        layer, ins, out = hls.of_operator(graph, op, fold, types[0], acc, *types[1:])
        low = kernel_of(op).lower(graph, op, fold, types[0], acc, *types[1:])
        first, *more = ((to_beats(x, s.lanes, s.window), s.dtype.bits) for x, s in zip(inputs, ins, strict=True))
        y = to_beats(apply(op, *inputs), out.lanes, out.window)
        unit = Unit(
            op.name, low.module, low.params, *first, y, out.dtype, memories=low.memories, more=tuple(more)
        )  # fmt: skip
        return Case(unit, layer)


def _mvau(d: Draw) -> Case:
    mw, mh = d.integer(1, 24), d.integer(1, 8)
    graph = one_op(MVAU(d.name, ("x",), ("y",), *d.weights(mw, mh)), ((1, d.integer(1, 2), mw), d.dtype()))
    fold = Fold(d.divisor(mh), d.divisor(mw), impl=d.one_of("auto", "dsp"), ram_style=d.style())
    return d.case(graph, fold, acc=_widths(d, graph))


def _vvau(d: Draw) -> Case:
    k, channels = d.integer(1, 9), d.integer(1, 8)
    graph = one_op(
        VVAU(d.name, ("x",), ("y",), *d.weights(k, channels)), ((1, d.integer(1, 2), k * channels), d.dtype())
    )
    return d.case(graph, Fold(d.divisor(channels), 1, ram_style=d.style()), acc=_widths(d, graph))


def _widths(d: Draw, graph: Graph) -> tuple[int, ...]:
    """Exact, a little wider, or 32 bits."""
    exact = analyse(graph)[d.name].exact
    return d.one_of(exact, exact, tuple(bits + d.integer(0, 2) for bits in exact), (32,) * len(exact))


def _thresholding(d: Draw) -> Case:
    shape, dtype, made = d.map(2), d.dtype(20), d.dtype()
    count = d.integer(1, min(made.max - made.min, 40))
    low = d.integer(made.min, made.max - count)
    spread = d.one_of(dtype.max + 2, min(dtype.max + 2, 50))
    values = np.sort(d.numbers.integers(-spread if dtype.signed else -1, spread + 1, (shape[2], count)), axis=1)
    graph = one_op(Thresholding(d.name, ("x",), ("y",), values, low), (shape, dtype))
    return d.case(graph, Fold(d.divisor(shape[2]), 1, ram_style=d.style()))


def _swg(d: Draw) -> Case:
    h, w, c = d.map(8, 6)
    kernel = d.integer(1, min(3, h)), d.integer(1, min(3, w))
    dilation = tuple(d.integer(1, 2) if (k - 1) * 2 < n else 1 for k, n in zip(kernel, (h, w), strict=True))
    stride = d.integer(1, 3), d.integer(1, 3)
    op = ConvolutionInputGenerator(d.name, ("x",), ("y",), kernel, stride, dilation, d.one_of(False, True))
    return d.moved(op, (h, w, c), d.divisor(c), d.style())


def _fmpadding(d: Draw) -> Case:
    shape = d.map()
    pad = tuple(d.integer(0, 2) for _ in range(4))
    return d.moved(FMPadding(d.name, ("x",), ("y",), pad), shape, d.divisor(shape[2]))


def _fmpadding_pixel(d: Draw) -> Case:
    shape = d.map()
    stride = d.integer(1, 3), d.integer(1, 3)
    return d.moved(FMPaddingPixel(d.name, ("x",), ("y",), stride), shape, d.divisor(shape[2]))


def _upsample(d: Draw) -> Case:
    shape = d.map()
    factors = d.integer(1, 3), d.integer(1, 3)
    return d.moved(UpsampleNearest(d.name, ("x",), ("y",), factors), shape, d.divisor(shape[2]))


def _depthtospace(d: Draw) -> Case:
    (h, w, c), block = d.map(4, 4), d.integer(1, 3)
    return d.moved(DepthToSpace(d.name, ("x",), ("y",), block), (h, w, c * block**2), d.divisor(c))


def _channelslice(d: Draw) -> Case:
    lanes, (h, w, parts) = d.integer(1, 3), d.map()
    start = d.integer(0, parts - 1)
    stop = d.integer(start + 1, parts)
    op = ChannelSlice(d.name, ("x",), ("y",), lanes * start, lanes * stop)
    return d.moved(op, (h, w, lanes * parts), d.divisor(lanes))


def _pool(d: Draw) -> Case:
    (h, w, c), window = d.map(3), d.integer(1, 9)
    op = Pool(d.name, ("x",), ("y",), window, d.one_of("max", "sum"))
    return d.case(one_op(op, ((h, w, c * window), d.dtype(20))), Fold(d.divisor(c), 1))


def _globalaccpool(d: Draw) -> Case:
    shape = d.map()
    return d.case(one_op(GlobalAccPool(d.name, ("x",), ("y",)), (shape, d.dtype(16))), Fold(d.divisor(shape[2]), 1))


def _streams(d: Draw, types: Sequence[IntType]) -> list[IntType]:
    """As wide as the values, or those of accumulators of 32 bits."""
    return [d.one_of(t, t, IntType(32, True)) for t in types]


def _add(d: Draw) -> Case:
    shape, types = d.map(), [d.dtype(), d.dtype()]
    factors = d.one_of((1, 1), (1, -1), (3, 5), (0, -2), (d.integer(-1000, 1000), 1))
    graph = one_op(Add(d.name, ("a", "b"), ("y",), factors), *((shape, t) for t in types))
    return d.case(graph, Fold(d.divisor(shape[2]), 1), _streams(d, types))


def _concat(d: Draw) -> Case:
    (h, w, a), b, lanes = d.map(4, 5), d.integer(1, 5), d.integer(1, 3)
    shapes, types = [(h, w, lanes * a), (h, w, lanes * b)], [d.dtype(), d.dtype()]
    graph = one_op(Concat(d.name, ("a", "b"), ("y",)), *zip(shapes, types, strict=True))
    return d.case(graph, Fold(1, d.divisor(math.gcd(lanes * a, lanes * b))), _streams(d, types))


def _labelselect(d: Draw) -> Case:
    classes = d.integer(1, 24)
    return d.case(_label(d, classes, 1), Fold(d.divisor(classes), 1))


def _topk(d: Draw) -> Case:
    classes = d.integer(2, 20)
    return d.case(_label(d, classes, d.integer(2, classes)), Fold(1, 1))


def _label(d: Draw, classes: int, k: int) -> Graph:
    """Of few bits there are ties."""
    dtype = IntType(d.one_of(1, 2, 5, 17), d.one_of(False, True))
    return one_op(LabelSelect(d.name, ("x",), ("y",), k), ((1, 1, classes), dtype))


def _dwc(d: Draw) -> Case:
    narrow, ratio, beats = d.integer(1, 12), d.integer(2, 5), d.integer(1, 4)
    wide = IntType(narrow * ratio, False)
    x = d.numbers.integers(0, 2, (FRAMES, beats, wide.bits))
    one, many = (x, 1), (x.reshape(FRAMES, beats * ratio, narrow), 1)
    into, out = d.one_of((one, many), (many, one))
    params = {"IN_WIDTH": into[0].shape[2], "OUT_WIDTH": out[0].shape[2]}
    return _stream_module(d, "dwc", params, "IN_BEATS", into[0], out[0])


def _duplicate(d: Draw) -> Case:
    x = d.numbers.integers(0, 2, (FRAMES, d.integer(1, 9), d.integer(1, 40)))
    return _stream_module(d, "duplicate", {"WIDTH": x.shape[2]}, "BEATS", x, x, 2)


def _stream_module(
    d: Draw, module: str, params: dict[str, int], beats: str, x: IntArray, y: IntArray, outputs: int = 1
) -> Case:  # fmt: skip
    """What stands between the operators; lanes of one bit."""
    bit = IntType(1, False)
    ins = [Stream("in", "", bit, x.shape[2], x.shape[1])]
    outs = [Stream(f"out{n}", "", bit, y.shape[2], y.shape[1]) for n in range(outputs)]
    layer = hls.of_stream_module(d.name, module, {**params, beats: x.shape[1]}, ins, outs)
    return Case(Unit(d.name, module, params, x, 1, y, bit, outputs=outputs), layer)


MAKERS: dict[str, Callable[[Draw], Case]] = {
    "MVAU": _mvau,
    "VVAU": _vvau,
    "Thresholding": _thresholding,
    "ConvolutionInputGenerator": _swg,
    "FMPadding": _fmpadding,
    "FMPaddingPixel": _fmpadding_pixel,
    "UpsampleNearest": _upsample,
    "DepthToSpace": _depthtospace,
    "ChannelSlice": _channelslice,
    "Pool": _pool,
    "GlobalAccPool": _globalaccpool,
    "Add": _add,
    "Concat": _concat,
    "LabelSelect": _labelselect,
    "TopK": _topk,
    "DWC": _dwc,
    "Duplicate": _duplicate,
}
"""Kinds; TopK is LabelSelect of several, DWC and Duplicate stand between the operators."""


def draw(kind: str, number: int) -> Case:
    return MAKERS[kind](Draw(kind, number))
