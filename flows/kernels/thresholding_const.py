"""Thresholding with its thresholds as logic on `thresholding_const.sv`: all channels in a beat, one beat a clock."""

from __future__ import annotations

from flows.design import Fold, Lowered
from flows.errors import InfeasibleFolding
from flows.graph import Graph, IntType, Op, Thresholding
from flows.kernels.mvau_const import table
from flows.kernels.thresholding import stored_thresholds, stored_type

MAX_STAGES = 5
"""Beyond 5 bits found so far, a LUT has no input left for the comparison."""


def refusal(graph: Graph, op: Thresholding, fold: Fold) -> str:
    """Why the module cannot do it; "" where it can."""
    channels = graph[op.inputs[0]].shape[2]
    if fold.pe != channels:
        return f"PE must be all {channels} channels, not {fold.pe}"
    if int(op.thresholds.shape[1]).bit_length() > MAX_STAGES:
        return f"at most {(1 << MAX_STAGES) - 1} thresholds a channel, not {op.thresholds.shape[1]}"
    return ""


def lower(graph: Graph, op: Op, fold: Fold, in_type: IntType) -> Lowered:
    """The module `thresholding_const`. Raises InfeasibleFolding for what `refusal` says."""
    assert isinstance(op, Thresholding)
    if refusal(graph, op, fold):
        raise InfeasibleFolding(f"{op.name}: thresholds as logic (impl = const): {refusal(graph, op, fold)}")
    h, w, channels = graph[op.inputs[0]].shape
    stored = stored_thresholds(graph, op)
    dtype = stored_type(stored)
    out_type = graph[op.outputs[0]].dtype
    stages = int(op.thresholds.shape[1]).bit_length()
    mask = (1 << dtype.bits) - 1
    return Lowered(
        module="thresholding_const",
        params={
            "CHANNELS": channels,
            "INPUT_BITS": in_type.bits,
            "INPUT_SIGNED": int(in_type.signed),
            "OUT_BITS": out_type.bits,
            "OUT_BIAS": op.out_bias,
            "STAGES": stages,
            "THRESH_BITS": dtype.bits,
            "THRESH_SIGNED": int(dtype.signed),
            "THRESHOLDS": table(dtype.bits, [int(t) & mask for t in stored.reshape(-1)]),
        },
        in_lanes=channels,
        out_lanes=channels,
        out_type=out_type,
        work_beats=h * w,
        loose_beats=stages - 1,
    )
