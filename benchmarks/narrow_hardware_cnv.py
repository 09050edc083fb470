"""`narrow_hardware` for a small CNV (three convolutions, two dense layers) on digits, W4A4, at 10,000 frames/s."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Group

from benchmarks._narrow import Study, Variant
from benchmarks._narrow_rows import measured
from benchmarks.narrow_hardware import keeps

W4A4 = (
    "name=cnv_w4a4_digits", "train.weight_bits=4", "train.activation_bits=4", "train.signed_activations=false",
    "train.first_layer_weight_bits=8", "train.last_layer_weight_bits=8", "skip_zeros=true", "target_fps=10100",
)  # fmt: skip
STUDY = Study(
    "CNV on digits, W4A4, first and last layer 8 bits",
    (Variant("folded", "cnv_w2a2_digits.yaml", ("fixed-32", "datatype", "exact"), 10_000, W4A4),),
    (8, 9, 10, 12),
    keeps,
    "that keeps 99 % of the float accuracy",
)


def run(folder: Path, reduced: bool = False) -> tuple[dict[str, Any], Group]:
    """As `benchmarks._narrow_rows.measured`."""
    return measured(STUDY, folder, reduced)
