"""VVAU: depthwise y[c] = sum_k x[k, c] * W[k, c] on `vvau.sv`, every PE lane with an accumulator of its own width."""

from __future__ import annotations

from flows.design import Bits, Fold, Lowered
from flows.graph import VVAU, Graph, IntType, Op
from flows.kernels.base import divisors, require_divisor
from flows.kernels.memory import image
from flows.kernels.mvau import require_operands, stored_type


def legal(graph: Graph, op: Op) -> tuple[Fold, ...]:
    """Every divisor of the channels as PE and of the window's pixels as SIMD, least parallel first."""
    assert isinstance(op, VVAU)
    folds = (Fold(pe, simd) for pe in divisors(graph[op.outputs[0]].shape[2]) for simd in divisors(op.mw))
    return tuple(sorted(folds, key=lambda f: (f.pe * f.simd, f.simd)))


def lower(graph: Graph, op: Op, fold: Fold, in_type: IntType, acc: tuple[int, ...] | None) -> Lowered:
    """The module `vvau`. Lane p gets the widest of the accumulators `acc` of the channels c = p (mod PE).

    The input stream is in the depthwise window order of the same PE channels (`flows.beats.fold`), SIMD pixels a beat.
    """
    assert isinstance(op, VVAU) and acc is not None
    require_divisor(op, "SIMD", fold.simd, op.mw, "the pixels of a window")
    h, w, channels = graph[op.outputs[0]].shape
    require_divisor(op, "PE", fold.pe, channels, "the channels")
    weight_type = stored_type(op)
    require_operands(op, op.weight_type, in_type)
    lane_bits = tuple(max(acc[p :: fold.pe]) for p in range(fold.pe))
    out_type = IntType(max(lane_bits), signed=True)
    folds, sf, file = channels // fold.pe, op.mw // fold.simd, f"{op.name}_weights.hex"
    # (K, C) to word f*SF + sf, element p*SIMD + s
    words = op.weights.reshape(sf, fold.simd, folds, fold.pe).transpose(2, 0, 3, 1).reshape(folds * sf, -1)
    return Lowered(
        module="vvau",
        params={
            "K": op.mw,
            "CHANNELS": channels,
            "PE": fold.pe,
            "SIMD": fold.simd,
            "WEIGHT_BITS": weight_type.bits,
            "INPUT_BITS": in_type.bits,
            "INPUT_SIGNED": int(in_type.signed),
            "ACC_BITS": Bits.of_bytes(lane_bits),
            "OUT_BITS": out_type.bits,
            "WEIGHT_FILE": file,
            "RAM_STYLE": fold.ram_style,
        },
        in_lanes=fold.pe * fold.simd,
        out_lanes=fold.pe,
        out_type=out_type,
        work_beats=h * w * sf * folds,
        memories=(image(file, words, weight_type),),
        lane_bits=lane_bits,
    )
