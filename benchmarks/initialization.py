"""What the initialization is worth: weight error right after it, and test accuracy after the same training.

Peers in the same run: Brevitas' default parameters, the published EP-init (arXiv 2401.10432, section 4.2) and the
exact projection, each from the same float checkpoints, with the same data order, steps and learning rates. Published
and Brevitas' starts are trained without our projection after each step too, as their authors do. The default's claim is
against these two; our other forms stand beside them. The quantized phase is as long as in configs/digits_cnn.yaml.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from benchmarks._trainings import accuracy, fit, paired, train_all

SEEDS = range(5)
WIDTHS = (8, 9, 10, 11, 12)
DEFAULT = "budgeted"
EPOCHS = 80
PEERS = ("published", "brevitas")
# As configs/digits_cnn.yaml: every layer but the first is constrained.
DESIGN: dict[str, Any] = {"constrain_last": True, "last_layer_weight_bits": 4}
# Initialization, and whether the weights are projected back after every step.
STARTS: dict[str, tuple[str, bool]] = {
    DEFAULT: (DEFAULT, True),
    "joint": ("joint", True),
    "published": ("published", False),
    "published + projected steps": ("published", True),
    "brevitas": ("brevitas", False),
}


def weight_error(float_model: Any, quantized: Any) -> float:
    """Mean over the constrained layers of ‖s·q - v‖² / ‖v‖², q the exported integers, v the float weights."""
    import torch

    from a2qplus_train.freeze import freeze, weight_layers
    from a2qplus_train.quantizers import aware_quantizers

    frozen = weight_layers(freeze(quantized, torch.zeros(1, *quantized.config.image_shape)))
    errors = []
    for name in aware_quantizers(quantized):
        v = float_model.get_submodule(name).weight.detach().double()
        errors.append(float((frozen[name].weight.detach() - v).square().sum() / v.square().sum()))
    return float(np.mean(errors))


def measure(folder: Path, job: tuple[str, int, int]) -> dict[str, Any]:
    """Initialize and train one network; runs in a process of its own."""
    from a2qplus_train.initialize import quantize
    from a2qplus_train.trainer import reproducible

    start, p, seed = job
    init, project = STARTS[start]
    keys = {**DESIGN, "accumulator_bits": p, "init": init, "project_steps": project, "epochs": EPOCHS}
    with reproducible(seed):
        run, test = fit(folder, seed, keys)
        error = weight_error(run.float_model, quantize(run.float_model))
        found = accuracy(run.quantized, test)
    return {"start": start, "accumulator_bits": p, "seed": seed, "weight_error": error, "accuracy": found}


def summary(runs: list[dict[str, Any]], start: str, p: int) -> dict[str, Any]:
    """Means over the seeds, and whether the default is the best or within one standard error of this start."""
    own, default = ([r for r in runs if r["start"] == name and r["accumulator_bits"] == p] for name in (start, DEFAULT))
    figures = paired(own, default)
    return {
        "start": start,
        "accumulator_bits": p,
        "weight_error": float(np.mean([r["weight_error"] for r in own])),
        **figures,
        "default_holds": figures["ahead_of_default"] <= figures["standard_error"],
    }


def run(folder: Path) -> tuple[dict[str, Any], Table]:
    """(every run and the summary, table)."""
    jobs = [(start, p, seed) for p in WIDTHS for start in STARTS for seed in SEEDS]
    runs = train_all(folder, DESIGN, SEEDS, measure, jobs)
    table = Table(title=f"digits CNN, W4A4, A2Q+: start, then {EPOCHS} epochs; mean of {len(SEEDS)} seeds, test split")
    for column in ("P", "initialization", "weight error", "accuracy, %", "spread", "ahead of default", "std. error"):
        table.add_column(column, justify="left" if column == "initialization" else "right")
    rows = [summary(runs, start, p) for p in WIDTHS for start in STARTS]
    for r in rows:
        figures = [f"{r[k]:.2f}" for k in ("accuracy", "accuracy_spread", "ahead_of_default", "standard_error")]
        table.add_row(str(r["accumulator_bits"]), r["start"], f"{r['weight_error']:.4f}", *figures)
    holds = all(r["default_holds"] for r in rows if r["start"] in PEERS)
    about = {"default": DEFAULT, "peers": PEERS, "default_holds_against_peers": holds, "epochs": EPOCHS}
    return {**about, "rows": rows, "runs": runs}, table
