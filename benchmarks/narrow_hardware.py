"""What narrow accumulators are worth in a whole accelerator: LUTs of the digits CNN, plain QAT against A2Q+.

Two designs at the same frames/s and clock on both sides: one output pixel a clock in every convolution, and folded for
10,000 frames/s. Peer: plain QAT of the same network, with every microarchitecture that A2Q+ may use. Every point is a
build of its own, compared in integers with Brevitas and, as a whole, in RTL. LUTs are Yosys' (xc7, sum of layers out of
context); accuracy is that of the test split. Accuracy counts as kept at 99 % of the float network's.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Group

from benchmarks._narrow import Study, Variant
from benchmarks._narrow_rows import measured

KEPT = 0.99


def keeps(own: Mapping[str, Any], _: Mapping[str, Any]) -> bool:
    """Whether the accuracy is at least 99 % of the float network's."""
    return bool(own["quant_metric"] >= KEPT * own["float_metric"])


STUDY = Study(
    "Digits CNN, W4A4, first and last layer 8 bits",
    (
        Variant("streaming", "digits_cnn_streaming.yaml", ("exact",), 1_000_000),
        Variant("folded", "digits_cnn_folded.yaml", ("fixed-32", "datatype", "exact"), 10_000),
    ),
    (8, 9, 10, 12),
    keeps,
    "that keeps 99 % of the float accuracy",
)


def run(folder: Path, reduced: bool = False) -> tuple[dict[str, Any], Group]:
    """As `benchmarks._narrow_rows.measured`."""
    return measured(STUDY, folder, reduced)
