"""Thresholding with its thresholds as logic on `thresholding_const.sv`: all channels in a beat, one beat a clock."""

from __future__ import annotations

from flows.design import Fold, Lowered
from flows.errors import InfeasibleFolding
from flows.graph import IntArray, IntType, Thresholding
from flows.kernels.memory import table

MAX_STAGES = 5
"""Beyond 5 bits found so far, a LUT has no input left for the comparison."""


def refusal(op: Thresholding, fold: Fold) -> str:
    """Why the module cannot do it; "" where it can."""
    channels, count = op.thresholds.shape
    if fold.pe != channels:
        return f"PE must be all {channels} channels, not {fold.pe}"
    if count.bit_length() > MAX_STAGES:
        return f"at most {(1 << MAX_STAGES) - 1} thresholds a channel, not {count}"
    return ""


def lower(
    op: Thresholding, fold: Fold, in_type: IntType, out_type: IntType, stored: IntArray, dtype: IntType, pixels: int
) -> Lowered:
    """The module `thresholding_const` for thresholds `stored` (C, 2**stages - 1) of `dtype`.

    Raises InfeasibleFolding for what `refusal` says.
    """
    if reason := refusal(op, fold):
        raise InfeasibleFolding(f"{op.name}: thresholds as logic (impl = const): {reason}")
    channels, count = stored.shape
    mask = (1 << dtype.bits) - 1
    return Lowered(
        module="thresholding_const",
        params={
            "CHANNELS": channels,
            "INPUT_BITS": in_type.bits,
            "INPUT_SIGNED": int(in_type.signed),
            "OUT_BITS": out_type.bits,
            "OUT_BIAS": op.out_bias,
            "STAGES": count.bit_length(),
            "THRESH_BITS": dtype.bits,
            "THRESH_SIGNED": int(dtype.signed),
            "THRESHOLDS": table(dtype.bits, [int(t) & mask for t in stored.reshape(-1)]),
        },
        in_lanes=channels,
        out_lanes=channels,
        out_type=out_type,
        work_beats=pixels,
        loose_beats=count.bit_length() - 1,
    )
