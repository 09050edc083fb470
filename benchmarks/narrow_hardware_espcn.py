"""`narrow_hardware` for super-resolution: ESPCN on photographs, W4A4; kept is a PSNR within 0.1 dB of plain QAT."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Group

from benchmarks._narrow import Study, Variant
from benchmarks._narrow_rows import measured

LOSS_DB = 0.1


def keeps(own: Mapping[str, Any], qat: Mapping[str, Any]) -> bool:
    """Whether the PSNR is at most 0.1 dB below that of plain QAT."""
    return bool(own["quant_metric"] >= qat["quant_metric"] - LOSS_DB)


STUDY = Study(
    "ESPCN x2 on photographs, W4A4, first and last layer 8 bits",
    (Variant("folded", "espcn_photos.yaml", ("fixed-32", "datatype", "exact"), 500, ("skip_zeros=true",)),),
    (9, 10, 11, 12, 13),
    keeps,
    f"within {LOSS_DB} dB of QAT",
)


def run(folder: Path, reduced: bool = False) -> tuple[dict[str, Any], Group]:
    """As `benchmarks._narrow_rows.measured`."""
    return measured(STUDY, folder, reduced)
