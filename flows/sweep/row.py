"""The columns of a sweep's table, and what a point measured, from the files that its build left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from flows.files import read_json

# The contract of results.csv; what came later stands behind it.
COLUMNS = (
    "method", "accumulator_bits", "policy", "board", "target_fps", "seed", "float_metric", "quant_metric", "metric",
    "sparsity", "interval_cycles", "LUT", "LUTRAM", "FF", "DSP", "BRAM_18K", "verified", "seconds", "error",
)  # fmt: skip
RESOURCES = ("LUT", "LUTRAM", "FF", "DSP", "BRAM_18K")
VIVADO = tuple(f"vivado_{name}" for name in RESOURCES)
MORE = (
    "activation_bits", "weight_bits", "layer_bits", "skip_zeros", "latency_cycles", "fps", *VIVADO, "vivado_fmax_mhz",
    "pruned", "design", "build", "folder",
)  # fmt: skip
"""LUT to BRAM_18K are Yosys', vivado_* Vivado's: never mixed. `fps`: frames/s at the design's clock.

`layer_bits`: one P a layer ("conv1:9 conv2:11"), where `accumulator_bits` is empty. `pruned`: why a search trained the
point but did not build it. `build`: of a comparison, which of the given folders the row is from. `folder`: the point's
output folder, relative to the table's where it lies below it.
"""
ALL_COLUMNS = COLUMNS + MORE


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
        row |= of_summary(read_json(folder / "report" / "summary.json"))
    return row


def sparsity(layers: Iterable[Mapping[str, Any]]) -> float:
    """Share of zeros among the integer weights of all layers."""
    counts = [(layer["weights"], layer["sparsity"]) for layer in layers]
    return float(sum(weights * zeros for weights, zeros in counts) / sum(weights for weights, _ in counts))


def of_summary(summary: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that a build's summary.json has figures for."""
    performance, tools = summary.get("performance", {}), summary.get("resources", {})
    found: dict[str, Any] = {"design": summary["design"]}
    if "interval_cycles" in performance:  # simulated: an estimate has none
        found |= {name: performance[name] for name in ("interval_cycles", "latency_cycles", "fps")}
    if tool := tools.get("yosys"):
        found |= {name: tool["total"][name] for name in RESOURCES}
    if tool := tools.get("vivado"):
        found |= {f"vivado_{name}": tool["total"][name] for name in RESOURCES}
        if "timing" in tool:
            found["vivado_fmax_mhz"] = tool["timing"]["fmax_mhz"]
    checks = summary["verification"]
    found["verified"] = bool(checks) and all(check["mismatches"] == 0 for check in checks.values())
    return found
