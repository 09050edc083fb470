"""Instances of every kind of module, drawn at random through the kernels, as networks have them.

    draw("mvau", "held out", 3)     the same in every run

Sizes are spread logarithmically, from a few lanes to what takes Yosys half a minute. Weights look like A2Q+'s (some or
most of them zero), thresholds like those of a scaled quantizer.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from flows.accumulators import analyse
from flows.design import Fold, MemFile, Param
from flows.errors import InfeasibleFolding
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
    Tensor,
    Thresholding,
    UpsampleNearest,
    by_name,
    output_shape,
)
from flows.kernels import mvau_sparse
from flows.kernels.base import divisors
from flows.kernels.registry import kernel_of
from flows.ranges import propagate
from flows.synthesize.jobs import Job, module_job

MOST_WORK = 1600
"""Of lanes times weight bits times input bits: what an MVAU unrolls."""


@dataclass(frozen=True)
class Sample:
    """One instance: `bits` of its streams by port prefix."""

    name: str
    module: str
    params: Mapping[str, Param]
    bits: Mapping[str, int]
    memories: tuple[MemFile, ...] = ()

    @property
    def job(self) -> Job:
        return module_job(self.name, self.module, self.params, self.bits, self.memories)


class _Draw:
    """What it gives follows from the module, the seed and the number alone."""

    def __init__(self, module: str, seed: str, number: int) -> None:
        self.random = random.Random(f"{module} {seed} {number}")
        self.name = f"{module}_{number}"
        self.numbers = np.random.default_rng(self.random.getrandbits(32))

    def size(self, low: int, high: int) -> int:
        """Logarithmically uniform."""
        return round(math.exp(self.random.uniform(math.log(low), math.log(high))))

    def even(self, low: int, high: int) -> int:
        """As `size`, and above 4 with divisors, as channels have them."""
        n = self.size(low, high)
        step = 2 if n > 4 else 1
        return max(low, n // step * step) if n <= 16 else n // 4 * 4

    def one_of(self, *values):
        return self.random.choice(values)

    def divisor(self, n: int, most: int = 1 << 30) -> int:
        return self.one_of(*(d for d in divisors(n) if d <= most))

    def dtype(self, low: int = 1, high: int = 8) -> IntType:
        signed = self.one_of(False, False, True)
        return IntType(
            self.one_of(*range(max(low, 1 + signed), high + 1), *(b for b in (4, 4, 8) if b <= high)), signed
        )

    def map(self, channels: int, most: int = 32) -> Shape:
        side = self.size(4, most)
        return side, self.one_of(side, side, self.size(4, most)), channels

    def weights(self, mw: int, mh: int, most: int = 8) -> tuple[IntArray, IntType]:
        """Rounded towards zero, a share of them zero."""
        bits = self.one_of(*(b for b in (1, 2, 2, 3, 4, 4, 4, 5, 6, 8) if b <= most))
        if bits == 1:
            return self.numbers.choice([-1, 1], (mw, mh)), IntType(2, True)
        drawn = self.numbers.laplace(size=(mw, mh))
        step = np.quantile(np.abs(drawn), self.one_of(0.05, 0.2, 0.4, 0.6, 0.75, 0.85, 0.92)) or 1.0
        most_value = (1 << (bits - 1)) - 1
        return np.clip(np.trunc(drawn / step), -most_value, most_value).astype(np.int64), IntType(bits, True)

    def thresholds(self, channels: int, lo: int, hi: int, bits: int) -> IntArray:
        """Evenly spaced around the middle, a scale and a shift a channel."""
        count = (1 << bits) - 1
        reach = (hi - lo) / self.one_of(1.0, 2.0, 4.0)
        step = reach / count * self.numbers.uniform(0.5, 1.5, (channels, 1))
        first = (lo + hi) / 2 + reach * self.numbers.uniform(-0.3, 0.1, (channels, 1))
        return np.ceil(first + step * np.arange(count)).astype(np.int64)


def one_op(op: Op, *inputs: tuple[Shape, IntType]) -> Graph:
    """The graph of `op` alone; its inputs take all values of their types."""
    given = [Tensor(n, s, t, t.min, t.max) for n, (s, t) in zip(op.inputs, inputs, strict=True)]
    lo, hi = propagate(op, *given)
    made = Tensor(op.outputs[0], output_shape(op, *(t.shape for t in given)), IntType.for_range(lo, hi), lo, hi)
    graph = Graph("one", op.inputs, op.outputs, (op,), by_name((*given, made)))
    graph.validate()
    return graph


def of_operator(
    name: str, graph: Graph, fold: Fold, acc: tuple[int, ...] | None = None, types: Sequence[IntType] = ()
) -> Sample:
    """The instance of the one operator of `graph`."""
    (op,) = graph.ops
    first, *more = types or [graph[n].dtype for n in op.inputs]
    low = kernel_of(op).lower(graph, op, fold, first, acc, *more)
    ports = ("s_axis",) if not more else tuple(f"s{i}_axis" for i in range(1 + len(more)))
    bits = {port: low.in_lanes * t.bits for port, t in zip(ports, (first, *more), strict=True)}
    return Sample(name, low.module, low.params, {**bits, "m_axis": low.out_lanes * low.out_type.bits}, low.memories)


def _widths(d: _Draw, graph: Graph) -> tuple[int, ...]:
    """Those of the weights, or wider by a policy."""
    exact = analyse(graph)[graph.ops[0].name].exact
    return d.one_of(exact, exact, exact, tuple(bits + d.one_of(1, 2, 4) for bits in exact), (32,) * len(exact))


def _matrix(d: _Draw, rows: tuple[int, int], columns: tuple[int, int], most: int = 8) -> Graph:
    mw = d.one_of(d.even(*rows), 9 * d.even(max(1, rows[0] // 9), rows[1] // 9))
    op = MVAU(d.name, ("x",), ("y",), *d.weights(mw, d.even(*columns), most))
    return one_op(op, ((1, 1, mw), d.dtype()))


def _mvau(d: _Draw, impl: str = "auto") -> Sample:
    graph = _matrix(d, (9, 512), (4, 64))
    (op,) = graph.ops
    unit = op.weight_type.bits * graph["x"].dtype.bits
    target = d.size(1, max(1, MOST_WORK // unit))
    folds = kernel_of(op).legal(graph, op)
    near = sorted(folds, key=lambda f: abs(math.log(f.pe * f.simd / target)))[:4]
    return of_operator(d.name, graph, replace(d.one_of(*near), impl=impl), _widths(d, graph))


def _mvau_sparse(d: _Draw) -> Sample:
    while True:
        graph = _matrix(d, (9, 256), (4, 48))
        (op,) = graph.ops
        unit = op.weight_type.bits * graph["x"].dtype.bits
        folds = [f for f in kernel_of(op).legal(graph, op) if f.pe * f.simd * unit <= MOST_WORK]
        legal = mvau_sparse.legal(op, folds)
        if legal:
            return of_operator(d.name, graph, d.one_of(*legal), _widths(d, graph))


def _mvau_const(d: _Draw) -> Sample:
    while True:
        graph = _matrix(d, (4, 144), (4, 24), 4)
        (op,) = graph.ops
        if int(np.abs(op.weights).sum()) * graph["x"].dtype.bits <= 4000:
            fold = Fold(op.mh, op.mw, impl="const", levels=d.one_of(1, 2, 4, 5, 8))
            return of_operator(d.name, graph, fold, (32,) * op.mh)


def _vvau(d: _Draw) -> Sample:
    channels, k = d.even(4, 128), d.one_of(9, 9, 9, 4, 25)
    op = VVAU(d.name, ("x",), ("y",), *d.weights(k, channels))
    graph = one_op(op, ((1, 1, k * channels), d.dtype()))
    unit = op.weight_type.bits * graph["x"].dtype.bits
    folds = [f for f in kernel_of(op).legal(graph, op) if f.pe * f.simd * unit <= MOST_WORK]
    return of_operator(d.name, graph, d.one_of(*folds), _widths(d, graph))


def _steps(d: _Draw, channels: int, most_bits: int) -> Graph:
    dtype = IntType(d.one_of(*range(5, 24), *range(8, 14)), d.one_of(True, True, False))
    bits = d.one_of(*range(1, most_bits + 1), 2, 4, 4)
    op = Thresholding(d.name, ("x",), ("y",), d.thresholds(channels, dtype.min, dtype.max, min(bits, dtype.bits)))
    return one_op(op, ((4, 4, channels), dtype))


def _thresholding(d: _Draw) -> Sample:
    channels = d.even(4, 128)
    return of_operator(d.name, _steps(d, channels, 8), Fold(d.divisor(channels, 16), 1))


def _thresholding_const(d: _Draw) -> Sample:
    while True:
        graph = _steps(d, channels := d.even(4, 48), 4)
        with suppress(InfeasibleFolding):  # of too large tables
            return of_operator(d.name, graph, Fold(channels, 1, impl="const"))


def _window(d: _Draw, depthwise: bool, channels: int, most: int) -> Graph:
    h, w, c = d.map(channels, most)
    k = d.one_of((3, 3), (3, 3), (2, 2), (1, 3), (5, 5) if min(h, w) > 5 else (3, 3))
    stride = k if k == (2, 2) else d.one_of((1, 1), (1, 1), (2, 2))
    dilation = d.one_of((1, 1), (1, 1), (1, 1), (2, 2) if min(h, w) > 10 else (1, 1))
    op = ConvolutionInputGenerator(d.name, ("x",), ("y",), k, stride, dilation, depthwise)
    return one_op(op, ((h, w, c), d.dtype()))


def _swg(d: _Draw) -> Sample:
    channels = d.even(1, 64)
    return of_operator(d.name, _window(d, d.one_of(False, True), channels, 64), Fold(1, d.divisor(channels)))


def _swg_parallel(d: _Draw) -> Sample:
    channels, depthwise = d.even(1, 24), d.one_of(False, True)
    simd = d.divisor(channels) if depthwise else channels
    return of_operator(d.name, _window(d, depthwise, channels, 40), Fold(1, simd, parallel_window=True))


def _padding(d: _Draw) -> Sample:
    channels = d.even(1, 64)
    op = FMPadding(
        d.name, ("x",), ("y",), d.one_of((1, 1, 1, 1), (1, 1, 1, 1), (2, 2, 2, 2), (0, 0, 1, 1), (0, 1, 0, 1))
    )
    return of_operator(d.name, one_op(op, (d.map(channels, 64), d.dtype())), Fold(1, d.divisor(channels)))


def _moving(d: _Draw, channels: int, make: Callable[[], Op], simd: int) -> Sample:
    return of_operator(d.name, one_op(make(), (d.map(channels), d.dtype())), Fold(1, simd))


def _padding_pixel(d: _Draw) -> Sample:
    c = d.even(1, 64)
    stride = d.one_of((2, 2), (2, 2), (3, 3), (1, 2))
    return _moving(d, c, lambda: FMPaddingPixel(d.name, ("x",), ("y",), stride), d.divisor(c))


def _upsample(d: _Draw) -> Sample:
    c = d.even(1, 32)
    factors = d.one_of((2, 2), (2, 2), (3, 3), (1, 2), (2, 1))
    return _moving(d, c, lambda: UpsampleNearest(d.name, ("x",), ("y",), factors), d.divisor(c))


def _depthtospace(d: _Draw) -> Sample:
    c, block = d.even(1, 8), d.one_of(2, 2, 3)
    return _moving(d, c * block**2, lambda: DepthToSpace(d.name, ("x",), ("y",), block), d.divisor(c))


def _channelslice(d: _Draw) -> Sample:
    lanes, parts = d.size(1, 12), d.size(2, 12)
    start = d.one_of(0, d.random.randint(0, parts - 1))
    stop = d.random.randint(start + 1, parts)
    op = ChannelSlice(d.name, ("x",), ("y",), lanes * start, lanes * stop)
    return _moving(d, lanes * parts, lambda: op, d.divisor(lanes))


def _pooled(d: _Draw, parallel: bool) -> Sample:
    c, window = d.even(1, 32), d.one_of(4, 4, 9, 2)
    op = Pool(d.name, ("x",), ("y",), window, d.one_of("max", "max", "sum"))
    graph = one_op(op, ((2, 2, c * window), d.dtype()))
    return of_operator(d.name, graph, Fold(d.divisor(c), window if parallel else 1))


def _add(d: _Draw) -> Sample:
    c = d.even(1, 32)
    factors = d.one_of((1, 1), (1, 1), (1, 2), (3, 5), (1, -1), (d.random.randint(2, 200), d.random.randint(2, 200)))
    graph = one_op(Add(d.name, ("a", "b"), ("y",), factors), *(((4, 4, c), d.dtype(2)) for _ in range(2)))
    return of_operator(d.name, graph, Fold(d.divisor(c), 1))


def _concat(d: _Draw) -> Sample:
    lanes, first, second = d.size(1, 24), d.size(1, 8), d.size(1, 8)
    types = d.one_of((d.dtype(), d.dtype()), (IntType(4, False),) * 2)
    shapes = [(4, 4, lanes * n) for n in (first, second)]
    graph = one_op(Concat(d.name, ("a", "b"), ("y",)), *zip(shapes, types, strict=True))
    return of_operator(d.name, graph, Fold(1, d.divisor(lanes)))


def _globalaccpool(d: _Draw) -> Sample:
    c = d.even(2, 128)
    graph = one_op(GlobalAccPool(d.name, ("x",), ("y",)), (d.map(c, 16), d.dtype()))
    return of_operator(d.name, graph, Fold(d.divisor(c, 16), 1))


def _labels(d: _Draw, classes: int, k: int, pe: int) -> Sample:
    dtype = IntType(d.one_of(*range(4, 24)), d.one_of(True, True, False))
    return of_operator(d.name, one_op(LabelSelect(d.name, ("x",), ("y",), k), ((1, 1, classes), dtype)), Fold(pe, 1))


def _labelselect(d: _Draw) -> Sample:
    classes = d.one_of(10, 10, d.even(2, 100))
    return _labels(d, classes, 1, d.divisor(classes, 20))


def _topk(d: _Draw) -> Sample:
    classes = d.even(6, 200)
    return _labels(d, classes, d.size(2, 6), 1)


def _fifo(d: _Draw) -> Sample:
    width = d.size(1, 128)
    depth = d.one_of(1, 2, 2, 2, d.size(3, 64), d.size(3, 64), d.size(65, 2048))
    params: dict[str, Param] = {"WIDTH": width, "DEPTH": depth, "RAM_STYLE": "auto", "SIM_ID": 0}
    return Sample(d.name, "fifo", params, {"s_axis": width, "m_axis": width})


def _dwc(d: _Draw) -> Sample:
    narrow, ratio = d.size(1, 32), d.size(2, 12)
    ends = d.one_of((narrow, narrow * ratio), (narrow * ratio, narrow))
    params: dict[str, Param] = {"IN_WIDTH": ends[0], "OUT_WIDTH": ends[1]}
    return Sample(d.name, "dwc", params, {"s_axis": ends[0], "m_axis": ends[1]})


MAKERS: Mapping[str, Callable[[_Draw], Sample]] = {
    "mvau": _mvau, "mvau_dsp": lambda d: _mvau(d, "dsp"), "mvau_sparse": _mvau_sparse,
    "mvau_const": _mvau_const, "vvau": _vvau,
    "thresholding": _thresholding, "thresholding_const": _thresholding_const, "swg": _swg,
    "swg_parallel": _swg_parallel, "fifo": _fifo, "dwc": _dwc, "fmpadding": _padding,
    "fmpadding_pixel": _padding_pixel, "pool": lambda d: _pooled(d, False),
    "pool_parallel": lambda d: _pooled(d, True), "add": _add, "concat": _concat, "channelslice": _channelslice,
    "globalaccpool": _globalaccpool, "labelselect": _labelselect, "labelselect_topk": _topk, "upsample": _upsample,
    "depthtospace": _depthtospace,
}  # fmt: skip
"""Module to what draws it. `duplicate` always takes four LUTs and has nothing to draw."""


def draw(module: str, seed: str, number: int) -> Sample:
    """Instance `number` of `module`, of those of `seed`."""
    sample = MAKERS[module](_Draw(module, seed, number))
    assert sample.module == module, sample.name
    return sample
