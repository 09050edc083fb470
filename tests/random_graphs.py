"""Small random networks, legal, with branches: as a hypothesis strategy, and numbered.

    print(network(17))      the same in every run, to replay what failed

A network grows from its input, move by move: an operator or two behind the newest tensor, or a join of the newest
tensor with an older one, which by then is read twice or more. Before the join the older one may go through a path of
its own, which grows by the same moves. So branches nest, cross each other, and skip anything.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from hypothesis import strategies as st

from flows.accumulators import analyse
from flows.design import Design, Fold, Folding
from flows.elaborate import elaborate
from flows.errors import UnsupportedModel
from flows.folding import cycles
from flows.graph import (
    MVAU,
    VVAU,
    Add,
    ChannelSlice,
    Concat,
    ConvolutionInputGenerator,
    DepthToSpace,
    Flatten,
    FMPadding,
    FMPaddingPixel,
    GlobalAccPool,
    Graph,
    IntType,
    LabelSelect,
    Op,
    Pool,
    Tensor,
    Thresholding,
    UpsampleNearest,
    Weighted,
    output_shape,
)
from flows.kernels import mvau_sparse
from flows.kernels.mvau import MAX_OPERAND_BITS
from flows.kernels.registry import kernel_of
from flows.ranges import propagate

MOST_OPERATORS = 8
MOST_ELEMENTS = 320
MOST_CYCLES = 400
"""Of an operator, so that simulations stay short; every operator has a folding within it."""
MOST_LANES = 12
"""Of PE * SIMD, so that models compile soon, where the cycles allow it."""
MOVING = (
    FMPadding, FMPaddingPixel, ConvolutionInputGenerator, ChannelSlice, UpsampleNearest, DepthToSpace, Flatten,
)  # fmt: skip
"""Operators that keep the type of what they move."""
MOST_BITS = 20
"""Of a tensor."""


@dataclass
class Grower:
    """The network so far; every method puts one operator behind a tensor and returns the name of what it makes."""

    integer: Callable[[int, int], int]
    """Draws from low to high, both included."""
    prefix: str
    ops: list[Op] = field(default_factory=list)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    open: list[str] = field(default_factory=list)
    """Tensors that a join may read once more."""

    def attempt(self, grow: Callable[[], str]) -> str | None:
        """What `grow` makes, or None and nothing changed where that is too large."""
        ops, tensors, opened = len(self.ops), dict(self.tensors), len(self.open)
        made = grow()
        new = [t for name, t in self.tensors.items() if name not in tensors]
        if all(t.elements <= MOST_ELEMENTS and t.dtype.bits <= MOST_BITS for t in new):
            return made
        del self.ops[ops:], self.open[opened:]
        self.tensors = tensors
        return None

    def one_of(self, *values):
        return values[self.integer(0, len(values) - 1)]

    def yes(self) -> bool:
        return self.integer(0, 1) == 1

    def append(self, kind: type[Op], inputs: tuple[str, ...], *fields, dtype: IntType | None = None, **more) -> str:
        name = f"{self.prefix}{kind.__name__}_{sum(isinstance(op, kind) for op in self.ops)}"
        op = kind(name, inputs, (f"{name}_out",), *fields, **more)
        given = [self.tensors[t] for t in inputs]
        lo, hi = propagate(op, *given)
        if dtype is None and (kind in MOVING or more.get("function") == "max"):
            dtype = given[0].dtype
        dtype = dtype or IntType.for_range(lo, hi, signed=True if issubclass(kind, Weighted) else None)
        self.ops.append(op)
        self.tensors[op.outputs[0]] = Tensor(op.outputs[0], output_shape(op, *(t.shape for t in given)), dtype, lo, hi)
        return op.outputs[0]

    def input(self) -> str:
        shape = self.one_of(*SHAPES)
        dtype = IntType(self.integer(1, 8), self.yes())
        self.tensors["x"] = Tensor("x", (*shape, self.integer(1, 6)), dtype, dtype.min, dtype.max)
        return "x"

    def numbers(self) -> np.random.Generator:
        return np.random.default_rng(self.integer(0, (1 << 16) - 1))

    def weights(self, mw: int, mh: int) -> tuple[np.ndarray, IntType]:
        signed = self.yes()
        dtype = IntType(self.integer(1, 8), signed)
        values = self.numbers().integers(dtype.min, dtype.max + 1, (mw, mh))
        if self.integer(0, 7) == 0:
            values[:, 0] = 0  # a channel that is always 0
        return values, dtype

    def mvau(self, x: str, mh: int) -> str:
        return self.append(MVAU, (x,), *self.weights(self.tensors[x].shape[2], mh))

    def thresholding(self, x: str) -> str:
        t, made = self.tensors[x], IntType(self.integer(1, 8), self.yes())
        count = self.integer(1, made.max - made.min)
        low = self.integer(made.min, made.max - count)
        rng = self.numbers()
        rows = 1 if self.yes() else t.shape[2]
        values = np.sort(rng.integers(t.lo - 1, t.hi + 2, (rows, count)), axis=1)
        return self.append(Thresholding, (x,), np.repeat(values, t.shape[2] // rows, axis=0), low, dtype=made)

    def window(self, x: str, kernel, stride, dilation, depthwise: bool) -> str:
        return self.append(ConvolutionInputGenerator, (x,), kernel, stride, dilation, depthwise)

    def pad(self, x: str, pad: tuple[int, int, int, int]) -> str:
        return self.append(FMPadding, (x,), pad)

    def any_kernel(self, x: str) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
        """Kernel, stride and dilation that fit the map."""
        kernel, stride, dilation = [], [], []
        for size in self.tensors[x].shape[:2]:
            k = self.integer(1, min(3, size))
            kernel.append(k)
            stride.append(self.integer(1, 3))
            dilation.append(self.integer(1, 2) if (k - 1) * 2 < size else 1)
        return tuple(kernel), tuple(stride), tuple(dilation)

    def reduce(self, windows: str, kernel: tuple[int, int]) -> str:
        """What may follow a depthwise window."""
        size = math.prod(kernel)
        if self.tensors[windows].dtype.bits <= MAX_OPERAND_BITS and self.yes():
            return self.append(VVAU, (windows,), *self.weights(size, self.tensors[windows].shape[2] // size))
        return self.append(Pool, (windows,), size, function=self.one_of("max", "sum"))


SHAPES = ((6, 6), (4, 4), (5, 3), (1, 7), (6, 1), (2, 6), (3, 3), (7, 5), (1, 1), (8, 4))


@dataclass(frozen=True)
class Move:
    """`operators`: how many it appends; `keeps`: rows and columns stay as they are."""

    operators: int
    keeps: bool
    fits: Callable[[Tensor], bool]
    make: Callable[[Grower, str], str]


def _narrow(t: Tensor) -> bool:
    return t.dtype.bits <= MAX_OPERAND_BITS


def _convolution(g: Grower, x: str) -> str:
    made = g.window(x, *g.any_kernel(x), depthwise=False)
    return g.mvau(made, g.integer(1, 5))


def _same_convolution(g: Grower, x: str) -> str:
    d = g.one_of(1, 1, 2)
    made = g.pad(x, (d, d, d, d))
    return g.mvau(g.window(made, (3, 3), (1, 1), (d, d), depthwise=False), g.integer(1, 4))


def _depthwise(g: Grower, x: str) -> str:
    kernel, stride, dilation = g.any_kernel(x)
    return g.reduce(g.window(x, kernel, stride, dilation, depthwise=True), kernel)


def _same_depthwise(g: Grower, x: str) -> str:
    made = g.pad(x, g.one_of((0, 0, 1, 1), (1, 1, 0, 0), (1, 0, 0, 1)))
    return g.reduce(g.window(made, (2, 2), (1, 1), (1, 1), depthwise=True), (2, 2))


def _both_pools(g: Grower, x: str) -> str:
    """One stream of depthwise windows, read twice."""
    kernel, stride, dilation = g.any_kernel(x)
    windows = g.window(x, kernel, stride, dilation, depthwise=True)
    return _join(g, g.reduce(windows, kernel), g.append(Pool, (windows,), math.prod(kernel), function="max"))


def _down_and_up(g: Grower, x: str) -> str:
    """Half the rows and columns, and back, as in a U-Net."""
    return g.append(UpsampleNearest, (g.reduce(g.window(x, (2, 2), (2, 2), (1, 1), True), (2, 2)),), (2, 2))


def _shuffled(g: Grower, x: str) -> str:
    return g.append(DepthToSpace, (g.window(x, (2, 2), (2, 2), (1, 1), False),), 2)


def _thinned(g: Grower, x: str) -> str:
    """Every second pixel, with zeros between them."""
    return g.append(FMPaddingPixel, (g.window(x, (1, 1), (2, 2), (1, 1), False),), (2, 2))


def _squeezed(g: Grower, x: str) -> str:
    """The sum of the map at every pixel: waits for the whole frame."""
    h, w, _ = g.tensors[x].shape
    return g.append(UpsampleNearest, (g.append(GlobalAccPool, (x,)),), (h, w))


def _slice(g: Grower, x: str) -> str:
    c = g.tensors[x].shape[2]
    start = g.integer(0, c - 1)
    return g.append(ChannelSlice, (x,), start, g.integer(start + 1, c))


MOVES = (
    Move(1, True, _narrow, lambda g, x: g.mvau(x, g.integer(1, 6))),
    Move(1, True, lambda t: True, lambda g, x: g.thresholding(x)),
    Move(1, True, lambda t: t.shape[2] > 1, _slice),
    Move(2, False, _narrow, _convolution),
    Move(3, True, lambda t: _narrow(t) and min(t.shape[:2]) > 1, _same_convolution),
    Move(2, False, lambda t: True, _depthwise),
    Move(3, True, lambda t: True, _same_depthwise),
    Move(4, False, lambda t: True, _both_pools),
    Move(3, True, lambda t: t.shape[0] % 2 == 0 and t.shape[1] % 2 == 0, _down_and_up),
    Move(2, True, lambda t: t.shape[0] % 2 == 0 and t.shape[1] % 2 == 0, _shuffled),
    Move(2, True, lambda t: t.shape[0] % 2 == 1 and t.shape[1] % 2 == 1, _thinned),
    Move(2, True, lambda t: True, _squeezed),
    Move(1, False, lambda t: True, lambda g, x: g.pad(x, tuple(g.integer(0, 2) for _ in range(4)))),
    Move(1, False, lambda t: True, lambda g, x: g.window(x, *g.any_kernel(x), depthwise=False)),
    Move(1, False, lambda t: True, lambda g, x: g.append(UpsampleNearest, (x,), (g.integer(1, 3), g.integer(1, 2)))),
    Move(1, False, lambda t: t.shape[2] % 4 == 0, lambda g, x: g.append(DepthToSpace, (x,), 2)),
    Move(1, False, lambda t: True, lambda g, x: g.append(FMPaddingPixel, (x,), (g.integer(1, 2), g.integer(1, 3)))),
    Move(1, False, lambda t: True, lambda g, x: g.append(GlobalAccPool, (x,))),
    Move(1, False, lambda t: True, lambda g, x: g.append(Flatten, (x,))),
)


def _join(g: Grower, a: str, b: str) -> str:
    pair = (a, b) if g.yes() else (b, a)
    if g.tensors[a].shape == g.tensors[b].shape and g.yes():
        return g.append(Add, pair, (g.one_of(1, -1, 3), g.one_of(1, 2, -5)))
    return g.append(Concat, pair)


def _path(g: Grower, x: str, limit: int, free: bool, depth: int = 0) -> str:
    """Up to seven moves and joins behind `x`, up to `limit` operators in all; `free`: rows and columns may change."""
    for _ in range(g.integer(1, 3) if depth else g.integer(3, 7)):
        room = limit - len(g.ops)
        moves = [m for m in MOVES if m.operators <= room and (free or m.keeps) and m.fits(g.tensors[x])]
        beside = [t for t in g.open if g.tensors[t].shape[:2] == g.tensors[x].shape[:2]]
        made = None
        if room and beside and (not moves or g.integer(0, 2) == 0):
            made = g.attempt(lambda x=x, beside=beside: _join_with_older(g, x, beside, limit, depth))
        elif moves:
            made = g.attempt(lambda x=x, moves=moves: g.one_of(*moves).make(g, x))
        if made:
            x = made
            g.open.append(x)
    return x


def _join_with_older(g: Grower, x: str, older: list[str], limit: int, depth: int) -> str:
    other = g.one_of(*older)
    if depth < 2 and len(g.ops) + 1 < limit and g.integer(0, 2):
        other = _path(g, other, limit - 1, False, depth + 1)
    return _join(g, x, other)


def _end(g: Grower, x: str, labels: bool) -> str:
    """The indices of the largest values, if asked for; and two operators at least, one of them hardware."""
    if labels:
        x = x if g.tensors[x].shape[:2] == (1, 1) else g.append(Flatten, (x,))
        return g.append(LabelSelect, (x,), k=g.integer(1, min(3, g.tensors[x].shape[2])))
    while len(g.ops) < 2 or all(isinstance(op, Flatten) for op in g.ops):
        x = g.thresholding(x)
    return x


@dataclass(frozen=True, eq=False)
class Network:
    """A graph with all that elaboration needs, and frames of input, int64 (N, H, W, C)."""

    graph: Graph
    folding: Folding
    widths: dict[str, tuple[int, ...]]
    frames: np.ndarray

    def design(self, depths=None) -> Design:
        return elaborate(self.graph, self.folding, self.widths, depths)

    @property
    def without_whole_windows(self) -> Network:
        """As HLS has them: every sliding window and every pool pixel by pixel."""
        folding = {
            name: replace(fold, parallel_window=False, simd=1 if isinstance(self.graph.op(name), Pool) else fold.simd)
            for name, fold in self.folding.items()
        }
        return replace(self, folding=folding)

    def __str__(self) -> str:
        return "\n".join(_lines(self))


@st.composite
def networks(draw) -> Network:
    """Shrinks; but hypothesis draws many that are alike."""
    return _network(lambda low, high: draw(st.integers(low, high)), "")


def network(number: int) -> Network:
    """The network of that number, the same in every run; its operators are called g<number>_…"""
    return _network(random.Random(number).randint, f"g{number}_")


def _network(integer: Callable[[int, int], int], prefix: str) -> Network:
    g = Grower(integer, prefix)
    x = g.input()
    g.open.append(x)
    limit, labels = g.one_of(8, 8, 7, 6, 5, 4), g.integer(0, 3) == 0
    last = _end(g, _path(g, x, limit - 2 * labels, True), labels)
    graph = Graph(f"{prefix}net", (x,), (last,), tuple(g.ops), g.tensors)
    graph.validate()
    folding = _folding(g, graph)
    frames = g.numbers().integers(g.tensors[x].lo, g.tensors[x].hi + 1, (4, *g.tensors[x].shape))
    exact = {name: layer.exact for name, layer in analyse(graph).items()}
    wide = {name: tuple(bits + g.integer(0, 3) for bits in layer) for name, layer in exact.items()}
    found = Network(graph, folding, wide, frames)
    try:
        found.design()
    except UnsupportedModel:  # a layer reads these accumulators, and takes 8 bits at most
        found = replace(found, widths=exact)
        found.design()
    # Drawn last, so that all else of a network of some number stays as it is.
    in_dsps = {
        op.name: replace(folding[op.name], impl="dsp")
        for op in graph.of_type(MVAU) if folding[op.name].impl == "auto" and g.integer(0, 3) == 0
    }  # fmt: skip
    return replace(found, folding={**folding, **in_dsps})


def _folding(g: Grower, graph: Graph) -> dict[str, Fold]:
    folding: dict[str, Fold] = {}
    for op in graph.ops:
        if isinstance(op, Flatten):
            continue
        fold = g.one_of(*_folds(graph, op))
        if isinstance(op, Pool | VVAU):
            channels = folding[graph.producer(op.inputs[0]).name].simd
            fold = g.one_of(*(f for f in kernel_of(op).legal(graph, op) if f.pe == channels))
        if isinstance(op, ConvolutionInputGenerator | Thresholding | Weighted):
            fold = replace(fold, ram_style=g.one_of("auto", "distributed", "block"))
        folding[op.name] = fold
    return folding


def _folds(graph: Graph, op: Op) -> list[Fold]:
    """Those legal foldings that are neither slow nor large, of which there is one at least."""
    legal = kernel_of(op).legal(graph, op)
    if isinstance(op, MVAU):
        legal = tuple(f for dense in legal for f in (dense, *mvau_sparse.legal(op, (dense,))))
    fast = [fold for fold in legal if cycles(graph, op, fold) <= MOST_CYCLES]
    small = [fold for fold in fast if fold.pe * fold.simd <= MOST_LANES]
    return small or fast[:1] or [legal[-1]]


def _lines(network: Network) -> Iterator[str]:
    graph = network.graph
    x = graph[graph.inputs[0]]
    yield f"{graph.name}: {x.name} {x.shape} {x.dtype}"
    for op in graph.ops:
        fields = {f: v for f, v in vars(op).items() if f not in ("name", "inputs", "outputs", "weights", "thresholds")}
        if isinstance(op, Weighted | Thresholding):
            fields["of"] = (op.weights if isinstance(op, Weighted) else op.thresholds).shape
        said = ", ".join(f"{key}={value}" for key, value in fields.items())
        out, fold = graph[op.outputs[0]], network.folding.get(op.name)
        lanes = f"PE={fold.pe} SIMD={fold.simd} {fold.ram_style}" if fold else "no hardware"
        lanes += " parallel_window" if fold and fold.parallel_window else ""
        yield f"  {op.name}({', '.join(op.inputs)}; {said}) -> {out.shape} {out.dtype}; {lanes}"
