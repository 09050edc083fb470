"""The figures of one finished point, read from what its build wrote."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flows.files import read_json

# The contract of results.csv; `activation_bits` is added at the end where it is swept.
COLUMNS = (
    "method", "accumulator_bits", "policy", "board", "target_fps", "seed", "float_metric", "quant_metric", "metric",
    "sparsity", "interval_cycles", "LUT", "LUTRAM", "FF", "DSP", "BRAM_18K", "verified", "seconds", "error",
)  # fmt: skip
RESOURCES = ("LUT", "LUTRAM", "FF", "DSP", "BRAM_18K")


def measured(folder: Path, stop: str | None) -> dict[str, Any]:
    """The measured columns of the build in `folder`; those of steps that did not run are absent.

    `sparsity`: share of zeros among all integer weights of the network; `seconds`: of all steps, as measured when
    each last ran (a float pre-training that several points share is not in it).
    """
    training = read_json(folder / "train" / "training.json")
    row: dict[str, Any] = {key: training[key] for key in ("float_metric", "quant_metric", "metric")}
    row["sparsity"] = sparsity(training["layers"])
    row["seconds"] = round(sum(read_json(folder / "time_per_step.json").values()), 3)
    if stop is None:
        row |= _built(read_json(folder / "report" / "summary.json"))
    return row


def sparsity(layers: list[Mapping[str, Any]]) -> float:
    """Share of zeros among the integer weights of all layers."""
    total = sum(layer["weights"] for layer in layers)
    return float(sum(layer["sparsity"] * layer["weights"] for layer in layers) / total)


def _built(summary: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    performance = summary["performance"]
    if "interval_cycles" in performance:
        found["interval_cycles"] = performance["interval_cycles"]
    if tool := summary.get("resources", {}).get("yosys"):
        found |= {name: tool["total"][name] for name in RESOURCES}
    checks = summary["verification"]
    found["verified"] = bool(checks) and all(check["mismatches"] == 0 for check in checks.values())
    return found
