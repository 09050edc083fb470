"""MVAU: y = x @ W per pixel, folded SF = MW/SIMD by NF = MH/PE, every PE lane with an accumulator of its own width."""

from __future__ import annotations

from flows.design import Bits, Fold, Lowered, Param
from flows.errors import UnsupportedModel
from flows.graph import MVAU, Graph, IntArray, IntType, Op, Weighted
from flows.kernels import mvau_const, mvau_dsp, mvau_sparse
from flows.kernels.base import divisors, require_divisor
from flows.kernels.memory import image

MAX_OPERAND_BITS = 8
"""Of a weight and of an input; the memory holds unsigned weights with one bit more, for a sign."""


def legal(graph: Graph, op: Op) -> tuple[Fold, ...]:
    """Every pair of divisors of MH and MW, least parallel first; those that skip zeros: `mvau_sparse.legal`."""
    assert isinstance(op, MVAU)
    folds = (Fold(pe, simd) for pe in divisors(op.mh) for simd in divisors(op.mw))
    return tuple(sorted(folds, key=lambda f: (f.pe * f.simd, f.pe)))


def lower(graph: Graph, op: Op, fold: Fold, in_type: IntType, acc: tuple[int, ...] | None) -> Lowered:
    """The module `mvau`, or with `fold.impl` "const" `mvau_const`, "sparse" `mvau_sparse`, "dsp" `mvau_dsp`.

    Lane p gets the widest of the accumulators `acc` of the channels c = p (mod PE); with "const" `acc` means nothing.
    """
    assert isinstance(op, MVAU) and acc is not None
    if fold.impl == "const":
        return mvau_const.lower(graph, op, fold, in_type)
    require_divisor(op, "PE", fold.pe, op.mh, "MH")
    require_divisor(op, "SIMD", fold.simd, op.mw, "MW")
    h, w, _ = graph[op.outputs[0]].shape
    sf, nf = op.mw // fold.simd, op.mh // fold.pe
    lane_bits = tuple(max(acc[p :: fold.pe]) for p in range(fold.pe))
    out_type = IntType(max(lane_bits), signed=True)
    weight_type = stored_type(op)
    require_operands(op, op.weight_type, in_type)
    shape: dict[str, Param] = {
        "MW": op.mw,
        "MH": op.mh,
        "PE": fold.pe,
        "SIMD": fold.simd,
        "WEIGHT_BITS": weight_type.bits,
        "INPUT_BITS": in_type.bits,
        "INPUT_SIGNED": int(in_type.signed),
        "ACC_BITS": Bits.of_bytes(lane_bits),
        "OUT_BITS": out_type.bits,
    }
    if fold.impl == "sparse":
        return mvau_sparse.lower(graph, op, fold, shape, weight_type, lane_bits)
    file = f"{op.name}_weights.hex"

    def words() -> IntArray:
        """(MW, MH) to word nf*SF + sf, element p*SIMD + s."""
        return op.weights.reshape(sf, fold.simd, nf, fold.pe).transpose(2, 0, 3, 1).reshape(nf * sf, -1)

    memory, work_beats = image(file, words, weight_type), h * w * sf * nf
    if fold.impl == "dsp":
        return mvau_dsp.lower(op, fold, shape, memory, in_type, work_beats, lane_bits)
    return Lowered(
        module="mvau",
        params={**shape, "WEIGHT_FILE": file, "RAM_STYLE": fold.ram_style},
        in_lanes=fold.simd,
        out_lanes=fold.pe,
        out_type=out_type,
        work_beats=work_beats,
        memories=(memory,),
        lane_bits=lane_bits,
    )


def require_operands(op: Op, weights: IntType, inputs: IntType) -> None:
    """Raises UnsupportedModel where a lane cannot take the types."""
    for what, dtype in (("weights", weights), ("inputs", inputs)):
        if dtype.bits > MAX_OPERAND_BITS:
            raise UnsupportedModel(
                f"{op.name} ({op.kind}): {what} are {dtype}; at most {MAX_OPERAND_BITS} bits are supported"
            )


def stored_type(op: Weighted) -> IntType:
    """Of the weights in the memory: the module takes signed ones."""
    return op.weight_type if op.weight_type.signed else IntType(op.weight_type.bits + 1, signed=True)
