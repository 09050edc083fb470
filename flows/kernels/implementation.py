"""Which microarchitecture a layer gets: the cost function behind `impl = auto`, by `flows.cost`.

Where a layer is fully unrolled, weights and thresholds in memories are constants all the same: a memory of one word has
no address. Written as logic ("const"), zeros and repeated sums cost nothing, a sum is as wide as its own range, and a
comparison needs no carry chain; so that is nearly always the cheaper one, and what costs less is taken. A layer that is
not fully unrolled stays "folded". Both give the same integers.
"""

from __future__ import annotations

from dataclasses import replace

from flows.cost import cost
from flows.design import Fold
from flows.errors import ConfigError, InfeasibleFolding
from flows.graph import MVAU, Graph, Op, Thresholding
from flows.kernels import mvau_const, thresholding, thresholding_const
from flows.kernels.registry import kernel_of

ADDER_NS = 2.0
"""Assumed for one adder of a tree with its wires in a 7-series part of the slowest grade; never checked with Vivado."""
MAX_WEIGHTS = 8192
"""Weights that are not zero up to which "auto" unrolls: beyond, finding the adder graph takes minutes."""


LEAST_LUTS = 0.6
"""LUTs of an adder graph, at the least, for a weight that is not zero and an input bit (with A2Q+ about 1)."""

IMPLS = {"MVAU": ("auto", "folded", "dsp", "sparse", "const"), "Thresholding": ("auto", "folded", "const")}
"""Operator class to its microarchitectures; the others have one. "auto" never takes DSPs: what it saves is LUTs, but of
those that are there, and of DSPs there are few."""
RES_TYPES = ("auto", "lut", "dsp")
"""FINN's key resType: "dsp" is another name of the microarchitecture "dsp", "lut" of every other one."""


def requested(op: Op, impl: str | None, res_type: str | None) -> str | None:
    """The microarchitecture that the keys `impl` and `resType` of the folding ask for, None where they leave it open.

    Raises ConfigError where the operator does not have it, or the keys contradict each other.
    """
    legal = IMPLS.get(op.kind, ("auto",))
    if impl is not None and impl not in legal:
        raise ConfigError(f"folding: {op.name} ({op.kind}) has no impl = {impl!r}; supported: {', '.join(legal)}")
    if res_type is not None and res_type not in RES_TYPES:
        raise ConfigError(f"folding: resType = {res_type!r} is not supported; supported: {', '.join(RES_TYPES)}")
    if res_type == "dsp" and "dsp" not in legal:
        raise ConfigError(f"folding: {op.name} ({op.kind}) has no resType = 'dsp'; of the operators, an MVAU has it")
    if (res_type == "dsp" and impl not in (None, "auto", "dsp")) or (res_type == "lut" and impl == "dsp"):
        raise ConfigError(
            f"folding: {op.name}: resType = {res_type!r} and impl = {impl!r} contradict each other; leave one out"
        )
    return "dsp" if res_type == "dsp" else impl


def allowed(op: Op, fold: Fold, asked: str) -> bool:
    """Whether `fold`, one of the kernel's legal ones, can be what was `asked` for."""
    match asked:
        case "auto":
            return True
        case "const":
            lanes = (
                (op.mh, op.mw)
                if isinstance(op, MVAU)
                else (len(op.thresholds), 1)
                if isinstance(op, Thresholding)
                else ()
            )
            return (fold.pe, fold.simd) == lanes and fold.impl == "auto"
        case "folded":
            return fold.impl == "auto"
        case _:
            return fold.impl == asked


def choose(graph: Graph, op: Op, fold: Fold, clock_ns: float) -> Fold:
    """`fold`, "const" where that is cheaper, with as many adders between registers as `clock_ns` allows."""
    fold = replace(fold, levels=max(int(clock_ns // ADDER_NS), 1))
    if fold.impl not in ("auto", "const"):
        return fold
    logic = replace(fold, impl="const")
    if fold.impl == "const":
        return logic
    return logic if _can_be_logic(graph, op, logic) and _cost(graph, op, logic) <= _cost(graph, op, fold) else fold


def as_logic(graph: Graph, op: Op, fold: Fold, clock_ns: float, bound: float) -> Fold | None:
    """A fully unrolled `fold` as logic; None where the kernel does not take it or it is sure to cost above `bound`.

    The adder graph of an MVAU is only searched for where it may be needed.
    """
    logic = replace(fold, impl="const", levels=max(int(clock_ns // ADDER_NS), 1))
    if fold.impl != "auto" or not allowed(op, fold, "const"):
        return None
    if isinstance(op, MVAU):
        least = LEAST_LUTS * (int((op.weights != 0).sum()) - op.mh) * graph[op.inputs[0]].dtype.bits
        if least > bound:
            return None
    return logic if _can_be_logic(graph, op, logic) else None


def _cost(graph: Graph, op: Op, fold: Fold) -> float:
    in_type, out_type = graph[op.inputs[0]].dtype, graph[op.outputs[0]].dtype
    acc = (out_type.bits,) * op.mh if isinstance(op, MVAU) else None
    low = kernel_of(op).lower(graph, op, fold, in_type, acc)
    return cost(low.module, low.params, low.memories).price


def _can_be_logic(graph: Graph, op: Op, fold: Fold) -> bool:
    """Whether the kernel takes `fold`, and "auto" would."""
    in_type = graph[op.inputs[0]].dtype
    try:
        match op:
            case MVAU() if (fold.pe, fold.simd) == (op.mh, op.mw) and int((op.weights != 0).sum()) <= MAX_WEIGHTS:
                mvau_const.lower(graph, op, fold, in_type)
            case Thresholding() if not thresholding_const.refusal(op, fold):
                thresholding.lower(graph, op, fold, in_type, None)
            case _:
                return False
    except InfeasibleFolding:
        return False
    return True
