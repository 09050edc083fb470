"""Networks with branches for the tests of FIFO sizes and deadlocks, each with its folding and frames."""

from __future__ import annotations

import random

import numpy as np

from flows.accumulators import analyse
from flows.design import Fold
from flows.graph import (
    Add,
    Concat,
    ConvolutionInputGenerator,
    GlobalAccPool,
    Graph,
    IntType,
    Pool,
    Tensor,
    UpsampleNearest,
)
from flows.kernels.registry import kernel_of
from tests.random_graphs import Grower, Network


def grower(h: int, w: int, c: int, bits: int = 4) -> Grower:
    g = Grower(random.Random(h * w * c).randint, "")
    dtype = IntType(bits, False)
    g.tensors["x"] = Tensor("x", (h, w, c), dtype, dtype.min, dtype.max)
    return g


def convolution(g: Grower, x: str, mh: int) -> str:
    """3x3, rows and columns kept, and thresholds that make its sums small again."""
    windows = g.window(g.pad(x, (1, 1, 1, 1)), (3, 3), (1, 1), (1, 1), False)
    return g.thresholding(g.mvau(windows, mh))


def residual() -> Network:
    """Three convolutions with nothing beside them; whole pixels are joined, so a converter follows the skip's FIFO."""
    g = grower(6, 6, 2)
    x = "x"
    for _ in range(3):
        x = convolution(g, x, 2)
    return network(g, g.append(Add, (x, "x")), Add_0=Fold(2, 1))


def unet() -> Network:
    """Half the rows and columns, a convolution there, and back; what was before it beside it."""
    g = grower(8, 8, 2)
    before = convolution(g, "x", 2)
    windows = g.append(ConvolutionInputGenerator, (before,), (2, 2), (2, 2), (1, 1), True)
    low = convolution(g, g.append(Pool, (windows,), 4, function="max"), 4)
    joined = g.append(Concat, (g.append(UpsampleNearest, (low,), (2, 2)), before))
    return network(g, g.mvau(joined, 2))


def three() -> Network:
    """One tensor read three times: a convolution, thresholds, and itself."""
    g = grower(5, 5, 3)
    long, short = convolution(g, "x", 3), g.thresholding("x")
    return network(g, g.append(Concat, (g.append(Add, (long, short)), "x")))


def nested() -> Network:
    """A skip inside of a skip, and one that begins in the inner and ends after the outer."""
    g = grower(5, 4, 2)
    first = convolution(g, "x", 2)
    inner = g.append(Add, (first, convolution(g, first, 2)))
    outer = g.append(Concat, (g.thresholding(inner), "x"))
    return network(g, g.append(Concat, (g.mvau(outer, 2), inner)))


def squeezed(h: int = 6, w: int = 6) -> Network:
    """The sum of the map added to every pixel: a skip that holds a whole frame, and the next one's begin."""
    g = grower(h, w, 1)
    pooled = g.append(GlobalAccPool, ("x",))
    return network(g, g.append(Add, (g.append(UpsampleNearest, (pooled,), (h, w)), "x")))


def chain() -> Network:
    g = grower(4, 4, 2)
    return network(g, convolution(g, "x", 2))


def strided() -> Network:
    """No branch: windows that skip two of three rows, and a reader of one lane that is never to wait meanwhile."""
    g = grower(6, 6, 6)
    windows = g.window("x", (1, 3), (3, 1), (1, 1), False)
    return network(g, g.thresholding(windows), ConvolutionInputGenerator_0=Fold(1, 3))


def network(g: Grower, last: str, **folds: Fold) -> Network:
    """As least parallel as legal, but for `folds`."""
    graph = Graph("branches", ("x",), (last,), tuple(g.ops), g.tensors)
    graph.validate()
    folding = {op.name: folds.get(op.name, kernel_of(op).legal(graph, op)[0]) for op in graph.ops}
    x = graph["x"]
    frames = np.random.default_rng(1).integers(x.lo, x.hi + 1, (4, *x.shape))
    return Network(graph, folding, {name: layer.exact for name, layer in analyse(graph).items()}, frames)
