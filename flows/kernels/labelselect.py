"""LabelSelect: index of the largest of C values, PE of them a beat."""

from __future__ import annotations

from flows.design import Fold, Lowered
from flows.graph import Graph, IntType, Op
from flows.kernels.base import divisors, require_divisor


def legal(graph: Graph, op: Op) -> tuple[Fold, ...]:
    """Every divisor of the classes as PE, least parallel first."""
    return tuple(Fold(pe, 1) for pe in divisors(graph[op.inputs[0]].elements))


def lower(graph: Graph, op: Op, fold: Fold, in_type: IntType, acc: tuple[int, ...] | None) -> Lowered:
    """The module `labelselect`; its output is an unsigned index."""
    classes = graph[op.inputs[0]].elements
    require_divisor(op, "PE", fold.pe, classes, "classes")
    out_type = IntType.for_range(0, classes - 1)
    return Lowered(
        module="labelselect",
        params={
            "CLASSES": classes,
            "PE": fold.pe,
            "INPUT_BITS": in_type.bits,
            "INPUT_SIGNED": int(in_type.signed),
            "INDEX_BITS": out_type.bits,
        },
        in_lanes=fold.pe,
        out_lanes=1,
        out_type=out_type,
        work_beats=classes // fold.pe,
    )
