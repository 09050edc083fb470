"""Thresholding with its thresholds as LUTs on `thresholding_const.sv`: all channels in a beat, one beat a clock."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from flows.design import Fold, Lowered
from flows.errors import InfeasibleFolding
from flows.graph import IntArray, IntType, Thresholding
from flows.kernels.memory import table

MAX_STAGES = 5
"""Beyond 5 bits found so far, a LUT has no input left for the comparison."""
LUT_INPUTS = 6
MOST_BITS = 1 << 16
"""Of a parameter: Verilator takes no wider one."""


def refusal(op: Thresholding, fold: Fold) -> str:
    """Why the module cannot do it; "" where it can."""
    channels, count = op.thresholds.shape
    if fold.pe != channels:
        return f"PE must be all {channels} channels, not {fold.pe}"
    if count.bit_length() > MAX_STAGES:
        return f"at most {(1 << MAX_STAGES) - 1} thresholds a channel, not {count}"
    return ""


def lower(op: Thresholding, fold: Fold, in_type: IntType, out_type: IntType, stored: IntArray, pixels: int) -> Lowered:
    """The module `thresholding_const` for thresholds `stored` (C, 2**stages - 1): x > t.

    Raises InfeasibleFolding for what `refusal` says.
    """
    reason = refusal(op, fold)
    stages = stored.shape[1].bit_length()
    compared = IntType.for_range(min(in_type.min, int(stored.min())), max(in_type.max, int(stored.max())))
    tables = [] if reason else [entry for lane in stored for entry in lane_tables(lane, compared)]
    if 64 * len(tables) > MOST_BITS:
        reason = f"tables of {64 * len(tables)} bits are more than the {MOST_BITS} that tools take in a parameter"
    if reason:
        raise InfeasibleFolding(f"{op.name}: thresholds as logic (impl = const): {reason}")
    return Lowered(
        module="thresholding_const",
        params={
            "CHANNELS": len(stored),
            "INPUT_BITS": in_type.bits,
            "INPUT_SIGNED": int(in_type.signed),
            "OUT_BITS": out_type.bits,
            "OUT_BIAS": op.out_bias,
            "STAGES": stages,
            "COMPARE_BITS": compared.bits,
            "COMPARE_SIGNED": int(compared.signed),
            "LUTS": len(tables) // len(stored),
            "TABLES": table(64, tables),
        },
        in_lanes=len(stored),
        out_lanes=len(stored),
        out_type=out_type,
        work_beats=pixels,
    )


def lane_tables(stored: IntArray, compared: IntType) -> Iterator[int]:
    """The 64-bit tables of one lane's LUTs, stage by stage, the lowest bits of a stage first.

    `stored` (2**stages - 1,) ascends; as `compared` less its minimum it is an unsigned number, like x in the module.
    """
    unsigned = stored - compared.min
    address = np.arange(1 << LUT_INPUTS)
    for stage in range(stored.shape[0].bit_length()):
        step = (len(stored) + 1) >> (stage + 1)
        thresholds = unsigned[step - 1 :: 2 * step]  # by prefix
        low, first = 0, True
        while low < compared.bits:
            upto = min(low + LUT_INPUTS - stage - (not first), compared.bits)
            t = thresholds[address >> (upto - low) & ((1 << stage) - 1)]
            above = address >> (upto - low + stage) & 1
            for bit in range(low, upto):
                x = address >> (bit - low) & 1
                above = np.where(t >> bit & 1, x & above, x | above)
            yield sum(int(out) << int(a) for a, out in zip(address, above, strict=True))
            low, first = upto, False
