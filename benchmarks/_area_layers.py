"""Layers with weights as A2Q+ leaves them, and every choice of folding and microarchitecture that meets a rate."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from flows.accumulators import analyse
from flows.cost import Cost
from flows.cycles.model import Model
from flows.design import Design, Fold, Folding
from flows.elaborate import elaborate
from flows.errors import InfeasibleFolding
from flows.fifos import tolerance
from flows.folding import DEFAULT_CLOCK_NS, Request, choose
from flows.folding_search import Lowerings
from flows.graph import MVAU, Graph, Op
from flows.kernels import implementation, mvau_sparse
from flows.kernels.implementation import ADDER_NS
from flows.kernels.registry import kernel_of
from flows.rings import with_cheapest
from tests.networks import Chain

FRAMES = 64
NEAR = 2.0
"""Choices of an operator whose estimate is more than this many times that of its cheapest one are not built."""
MOST_BEATS = 40
"""Input beats times output beats of a vector, at the most: rates at which a layer has not too many choices."""


class A2QPlus(Chain):
    """A chain whose weights keep every dot product within `accumulator_bits`, by A2Q+'s l1 budget."""

    def __init__(self, shape, bits, accumulator_bits, seed):
        super().__init__(shape, bits, seed)
        self.accumulator_bits = accumulator_bits

    def _weights(self, mw, mh, bits):
        budget = ((1 << self.accumulator_bits) - 2) / self.tensors[-1].hi
        drawn = self.rng.laplace(size=(mw, mh))
        drawn -= drawn.mean(axis=0)
        most = (1 << (bits - 1)) - 1
        # Not more than the weights' bits want: with a wide accumulator the budget means nothing.
        scale = np.minimum(budget / np.abs(drawn).sum(axis=0), most / np.abs(drawn).max(axis=0))
        return np.clip(np.trunc(drawn * scale), -most, most).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Layer:
    """One or two operators behind their window, the cycles a frame that are asked for, the bits of A2Q+."""

    name: str
    graph: Graph
    target: int
    accumulator_bits: int

    @property
    def zeros(self) -> float:
        """Share of its weights that are zero."""
        (mvau,) = self.graph.of_type(MVAU)
        return float((mvau.weights == 0).mean())

    @property
    def request(self) -> Request:
        """The automatic choice may be any."""
        return Request({}, self.target, DEFAULT_CLOCK_NS, skip_zeros=True)

    @property
    def automatic(self) -> Folding:
        return choose(self.graph, self.request)

    def design(self, folding: Folding) -> Design:
        """The layer with the streams' FIFOs (of two beats) and width converters, rings as large as is cheap."""
        widths = {name: w.implemented("exact") for name, w in analyse(self.graph).items()}
        windows = [i for i in elaborate(self.graph, folding, widths).instances if i.module == "swg"]
        rings = {i.name: int(with_cheapest(i.params)["DEPTH"]) for i in windows}  # type: ignore[arg-type]
        return elaborate(self.graph, folding, widths, rings)

    def meets(self, design: Design) -> bool:
        """Whether the design has the rate, in the cycle model, to within what FIFO sizing leaves."""
        interval = Model(design).run(FRAMES, until_steady=True).interval_cycles
        return interval <= self.target + tolerance(self.target)


def draw(number: int) -> Layer:
    """Layer `number`: every third a convolution, the others dense."""
    rng = random.Random(f"layer {number}")
    input_bits, weight_bits = rng.choice([2, 4, 4, 8]), rng.choice([2, 3, 4, 4, 6])
    mh, convolution = rng.choice([4, 6, 8, 10, 12, 16]), number % 3 == 2
    channels = rng.choice([1, 2, 3, 4]) if convolution else rng.choice([12, 16, 18, 20, 24, 32, 36, 48])
    # From a mean magnitude of the weights of a half, most of them zero, to four, few of them.
    p = input_bits + round(math.log2(9 * channels if convolution else channels)) + rng.choice([-1, 0, 0, 1, 2])
    chain = A2QPlus((6, 6, channels) if convolution else (1, 1, channels), input_bits, p, number)
    if convolution:
        chain = chain.window(3)
    graph = chain.mvau(mh, weight_bits).thresholds(rng.choice([2, 4, 4])).graph(f"layer_{number}")
    (mvau,) = graph.of_type(MVAU)
    pixels = math.prod(graph[mvau.outputs[0]].shape[:2])
    beats = round(math.exp(rng.uniform(0, math.log(min(MOST_BEATS, mvau.mw * mvau.mh)))))
    low = Lowerings(graph)
    least = max(min(low.cycles(op, f) for f in kernel_of(op).legal(graph, op)) for op in graph.ops)
    return Layer(f"layer_{number}", graph, max(least, pixels * beats), p)


def choices(layer: Layer) -> Iterator[Folding]:
    """Every folding of the layer's operators that meets the rate, with every microarchitecture that can have it.

    Every operator must, and with the FIFOs of `Layer.design` the whole, in the cycle model.
    """
    low = Lowerings(layer.graph)
    each = [
        _near(low, op, [f for f in _all(layer.graph, op) if _fits(low, op, f, layer.target)]) for op in layer.graph.ops
    ]
    for folds in product(*each):
        folding = {op.name: fold for op, fold in zip(layer.graph.ops, folds, strict=True)}
        if layer.meets(layer.design(folding)):
            yield folding


def _all(graph: Graph, op: Op) -> Iterator[Fold]:
    legal = kernel_of(op).legal(graph, op)
    yield from legal
    if isinstance(op, MVAU):
        yield from mvau_sparse.legal(op, legal)
    for fold in legal:
        if op.kind in implementation.IMPLS and implementation.allowed(op, fold, "const"):
            yield replace(fold, impl="const", levels=int(DEFAULT_CLOCK_NS // ADDER_NS))


def _fits(low: Lowerings, op: Op, fold: Fold, target: int) -> bool:
    try:
        return low.cycles(op, fold) <= target
    except InfeasibleFolding:  # a table that is too large for the tools
        return False


def _near(low: Lowerings, op: Op, folds: list[Fold]) -> list[Fold]:
    costs: list[Cost] = [low.cost(op, fold) for fold in folds]
    least = min(cost.price for cost in costs)
    return [fold for fold, cost in zip(folds, costs, strict=True) if cost.price <= NEAR * least]
