"""Add on `add.sv`: PE lanes, one beat of both inputs per cycle; each stream keeps its own type."""

from __future__ import annotations

from flows.design import Fold, Lowered
from flows.errors import UnsupportedModel
from flows.graph import Add, Graph, IntType, Op
from flows.kernels.base import divisors, require_divisor, require_one

MAX_FACTOR = (1 << 31) - 1


def legal(graph: Graph, op: Op) -> tuple[Fold, ...]:
    """One fold for every divisor of the channels."""
    return tuple(Fold(pe=pe, simd=1) for pe in divisors(graph[op.outputs[0]].shape[2]))


def lower(
    graph: Graph, op: Op, fold: Fold, in_type: IntType, acc: tuple[int, ...] | None, *more: IntType
) -> Lowered:  # fmt: skip
    """See flows.kernels.base. `fold.pe` divides the channels, `fold.simd` is 1."""
    assert isinstance(op, Add)
    h, w, c = graph[op.outputs[0]].shape
    require_one(op, "SIMD", fold.simd)
    require_divisor(op, "PE", fold.pe, c, "the channels")
    if max(map(abs, op.factors)) > MAX_FACTOR:
        raise UnsupportedModel(f"{op.name} (Add): factors {op.factors}; at most {MAX_FACTOR} is supported")
    out_type = graph[op.outputs[0]].dtype
    types = (in_type, *more)
    params: dict[str, int | str] = {"PE": fold.pe, "OUT_BITS": out_type.bits}
    for n, (dtype, factor) in enumerate(zip(types, op.factors, strict=True)):
        params |= {f"IN{n}_BITS": dtype.bits, f"IN{n}_SIGNED": int(dtype.signed), f"FACTOR{n}": factor}
    return Lowered("add", params, fold.pe, fold.pe, out_type, h * w * c // fold.pe)
