"""Finds the kernel of an operator by its class."""

from __future__ import annotations

import importlib
from typing import cast

from flows.errors import UnsupportedModel
from flows.graph import Op
from flows.kernels.base import Kernel

STEMS = {
    "FMPadding": "fmpadding",
    "ConvolutionInputGenerator": "swg",
    "FMPaddingPixel": "fmpadding_pixel",
    "MVAU": "mvau",
    "VVAU": "vvau",
    "Thresholding": "thresholding",
    "Pool": "pool",
    "GlobalAccPool": "globalaccpool",
    "Add": "add",
    "Concat": "concat",
    "ChannelSlice": "channelslice",
    "UpsampleNearest": "upsample",
    "DepthToSpace": "depthtospace",
    "LabelSelect": "labelselect",
}
"""Operator class to the stem that its kernel, its RTL, its HLS template and its test share."""


def kernel_of(op: Op) -> Kernel:
    """The kernel module of `op`. Raises UnsupportedModel where there is none."""
    if op.kind not in STEMS:
        raise UnsupportedModel(f"{op.name}: operator {op.kind} has no hardware; supported: {', '.join(STEMS)}")
    return cast(Kernel, importlib.import_module(f"flows.kernels.{STEMS[op.kind]}"))
