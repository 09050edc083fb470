"""LabelSelect: indices of the k largest of C values; k = 1 on `labelselect.sv`, k > 1 on `labelselect_topk.sv`."""

from __future__ import annotations

from flows.design import Fold, Lowered
from flows.errors import InfeasibleFolding
from flows.graph import Graph, IntType, LabelSelect, Op
from flows.kernels.base import divisors, require_divisor, require_one


def legal(graph: Graph, op: Op) -> tuple[Fold, ...]:
    """Every divisor of the classes as PE, least parallel first; k > 1 takes one value a beat."""
    assert isinstance(op, LabelSelect)
    return tuple(Fold(pe, 1) for pe in (divisors(graph[op.inputs[0]].elements) if op.k == 1 else (1,)))


def lower(graph: Graph, op: Op, fold: Fold, in_type: IntType, acc: tuple[int, ...] | None) -> Lowered:
    """See flows.kernels.base. `fold.pe` divides the classes, and is 1 for k > 1; the output is an unsigned index."""
    assert isinstance(op, LabelSelect)
    classes = graph[op.inputs[0]].elements
    out_type = IntType.for_range(0, classes - 1)
    require_one(op, "SIMD", fold.simd)
    if op.k == 1:
        require_divisor(op, "PE", fold.pe, classes, "classes")
    elif fold.pe != 1:
        raise InfeasibleFolding(f"{op.name}: PE = {fold.pe}; legal for k = {op.k} is 1, one value a beat")
    params = {
        "CLASSES": classes, "INPUT_BITS": in_type.bits, "INPUT_SIGNED": int(in_type.signed),
        "INDEX_BITS": out_type.bits, **({"PE": fold.pe} if op.k == 1 else {"K": op.k}),
    }  # fmt: skip
    module = "labelselect" if op.k == 1 else "labelselect_topk"
    return Lowered(module, params, fold.pe, 1, out_type, classes // fold.pe)
