"""FINN's `SetFolding` as it is published (finn.transformation.fpgadataflow.set_folding), on our graph and cycles.

MVAU: SIMD grows through the divisors of MW until the target is met or a PE's weights are wider than 36 bits, then PE
grows. A depthwise layer grows PE, its window follows. All others grow their lanes. Where a layer misses the target, all
are folded once more for what the slowest reaches.
"""

from __future__ import annotations

from flows.design import Fold, Folding
from flows.folding_search import Lowerings
from flows.graph import MVAU, VVAU, ConvolutionInputGenerator, Flatten, Graph, Op, Pool
from flows.kernels.base import divisors
from flows.kernels.registry import kernel_of

WEIGHT_WIDTH = 36
"""FINN's default of `mvau_wwidth_max`."""


def set_folding(graph: Graph, target: int) -> Folding:
    """The folding of every operator that has hardware."""
    low = Lowerings(graph)
    folding = _pass(graph, low, target)
    slowest = max(low.cycles(op, folding[op.name]) for op in graph.ops if op.name in folding)
    return folding if slowest <= target else _pass(graph, low, slowest)


def _pass(graph: Graph, low: Lowerings, target: int) -> dict[str, Fold]:
    folding: dict[str, Fold] = {}
    for op in graph.ops:
        if isinstance(op, Flatten):
            continue
        if isinstance(op, MVAU):
            folding[op.name] = _matrix(low, op, target)
        elif isinstance(op, Pool | VVAU):
            window = graph.producer(op.inputs[0])
            fold = _first(low, op, target)
            if isinstance(window, ConvolutionInputGenerator):
                while low.cycles(window, Fold(1, fold.pe)) > target and fold != _legal(low, op)[-1]:
                    fold = _legal(low, op)[_legal(low, op).index(fold) + 1]
                folding[window.name] = Fold(1, fold.pe)
            folding[op.name] = fold
        elif not (isinstance(op, ConvolutionInputGenerator) and op.depthwise):
            folding[op.name] = _first(low, op, target)
    return folding


def _matrix(low: Lowerings, op: MVAU, target: int) -> Fold:
    simd = 1
    for value in divisors(op.mw):
        if low.cycles(op, Fold(1, value)) <= target:
            simd = value
            break
        if op.weight_type.bits * value > WEIGHT_WIDTH:
            break
        simd = value
    pes = divisors(op.mh)
    return Fold(next((pe for pe in pes if low.cycles(op, Fold(pe, simd)) <= target), pes[-1]), simd)


def _legal(low: Lowerings, op: Op) -> list[Fold]:
    """Of one kind of lanes, as FINN knows them; ascending."""
    return [f for f in kernel_of(op).legal(low.graph, op) if 1 in (f.pe, f.simd) and not f.parallel_window]


def _first(low: Lowerings, op: Op, target: int) -> Fold:
    legal = _legal(low, op)
    # A window that is too slow with all its lanes comes as a whole in one beat.
    whole = [f for f in kernel_of(op).legal(low.graph, op) if f.parallel_window]
    return next((fold for fold in legal if low.cycles(op, fold) <= target), (whole or legal)[-1])
