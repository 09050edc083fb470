"""The columns of a sweep's table, and what a point measured, from the files that its build left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from a2qplus_train.history import kept
from flows.files import read_json

# The contract of results.csv; what came later stands behind it.
COLUMNS = (
    "method", "accumulator_bits", "policy", "board", "target_fps", "seed", "float_metric", "quant_metric", "metric",
    "sparsity", "interval_cycles", "LUT", "LUTRAM", "FF", "DSP", "BRAM_18K", "verified", "seconds", "error",
)  # fmt: skip
RESOURCES = ("LUT", "LUTRAM", "FF", "DSP", "BRAM_18K")
VIVADO = tuple(f"vivado_{name}" for name in RESOURCES)
MORE = (
    "validation_metric", "float_validation", "activation_bits", "weight_bits", "layer_bits", "skip_zeros",
    "latency_cycles", "fps", *VIVADO, "vivado_fmax_mhz", "pruned", "design", "build", "folder",
)  # fmt: skip
"""LUT to BRAM_18K are Yosys', vivado_* Vivado's: never mixed. `fps`: frames/s at the design's clock.

`validation_metric`, `float_validation`: of the epoch that each training kept, on the validation split, which is what a
choice between points should look at. `layer_bits`: one P a layer ("conv1:9 conv2:11"), where `accumulator_bits` is
empty. `pruned`: why a search trained the point but did not build it. `build`: of a comparison, which of the given
folders the row is from. `folder`: the point's output folder, relative to the table's where it lies below it.
"""
ALL_COLUMNS = COLUMNS + MORE
BOOLEANS = ("verified", "skip_zeros")
FLOATS = (
    "float_metric", "quant_metric", "validation_metric", "float_validation", "sparsity", "interval_cycles", "seconds",
    "fps", "vivado_fmax_mhz",
)  # fmt: skip
WORDS = (
    "method", "policy", "board", "metric", "error", "layer_bits", "pruned", "design", "build", "folder",
)  # fmt: skip
"""Columns by what is in their cells; all others hold integers."""


def measured(folder: Path, stop: str | None) -> dict[str, Any]:
    """The measured columns of the build in `folder`; those of steps that did not run are absent.

    `sparsity`: share of zeros among all integer weights of the network; `seconds`: of all steps, as measured when
    each last ran (a float pre-training that several points share is not in it).
    """
    row: dict[str, Any] = {"seconds": round(sum(read_json(folder / "time_per_step.json").values()), 3)}
    training = folder / "train" / "training.json"
    if stop is not None:
        return row | of_training(read_json(training))
    summary = read_json(folder / "report" / "summary.json")
    row |= of_training(read_json(training)) if training.is_file() else of_network(summary)
    return row | of_summary(summary)


def of_training(training: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that a training.json has figures for."""
    row = {key: training[key] for key in ("float_metric", "quant_metric", "metric")}
    for column, phase, epochs in (
        ("validation_metric", "quantized", "epochs"), ("float_validation", "float", "float_epochs")
    ):  # fmt: skip
        config = training["config"]
        record = kept(training["history"], phase, config[epochs], config["patience"])
        row[column] = None if record is None else record.get(f"validation_{training['metric']}")
    return row | {"sparsity": sparsity(training["layers"])}


def sparsity(layers: Iterable[Mapping[str, Any]]) -> float:
    """Share of zeros among the integer weights of all layers."""
    counts = [(layer["weights"], layer["sparsity"]) for layer in layers]
    return float(sum(weights * zeros for weights, zeros in counts) / sum(weights for weights, _ in counts))


def of_network(summary: Mapping[str, Any]) -> dict[str, Any]:
    """What a summary.json says of the network and its training: method, widths, metric, sparsity, seed.

    `accumulator_bits` and `weight_bits` where all layers that were constrained agree (all but the first, for the
    weights: it has more bits by itself).
    """
    layers = summary["layers"]
    found: dict[str, Any] = {"seed": summary["seed"]}
    if training := summary["training"]:
        found |= {key: training[key] for key in ("method", "float_metric", "quant_metric", "metric")}
    trained = {layer["name"]: layer["trained_bits"] for layer in layers if layer["trained_bits"] is not None}
    if len(set(trained.values())) == 1:
        found["accumulator_bits"] = next(iter(trained.values()))
    else:
        found["layer_bits"] = layer_bits(trained)
    if len(widths := {layer["weight_bits"] for layer in layers[1:] or layers}) == 1:
        found["weight_bits"] = widths.pop()
    if layers:
        shaped = [{"weights": layer["mw"] * layer["mh"], "sparsity": layer["sparsity"]} for layer in layers]
        found["sparsity"] = sparsity(shaped)
    return found


def layer_bits(bits: object) -> str | None:
    """`{layer: P}` as one word a layer; None where one P is for all, or there is none."""
    if not isinstance(bits, Mapping) or not bits:
        return None
    return " ".join(f"{name}:{p}" for name, p in bits.items() if p is not None)


def of_summary(summary: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of the hardware that a build's summary.json has figures for."""
    performance, tools = summary.get("performance", {}), summary.get("resources", {})
    found: dict[str, Any] = {"design": summary["design"]}
    if "interval_cycles" in performance:  # simulated: an estimate has none
        names = ("interval_cycles", "latency_cycles", "fps")
        found |= {name: performance[name] for name in names if name in performance}
    if tool := tools.get("yosys"):
        found |= {name: tool["total"][name] for name in RESOURCES}
    if tool := tools.get("vivado"):
        found |= {f"vivado_{name}": tool["total"][name] for name in RESOURCES}
        if "timing" in tool:
            found["vivado_fmax_mhz"] = tool["timing"]["fmax_mhz"]
    checks = summary["verification"]
    found["verified"] = bool(checks) and all(check["mismatches"] == 0 for check in checks.values())
    return found
