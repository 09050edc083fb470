"""What the initialization is worth: weight error right after it, and test accuracy after the same training.

Peers in the same run: Brevitas' default parameters, the published EP-init (arXiv 2401.10432, section 4.2) and the
exact projection, each from the same float checkpoints, with the same data order, steps and learning rates. Published
and Brevitas' starts are trained without our projection after each step too, as their authors do. A short training, so
that it cannot make up for any start.
"""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

SEEDS = range(5)
WIDTHS = (8, 9, 10, 11, 12)
DEFAULT = "budgeted"
EPOCHS = 40
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
    from a2qplus_train.config import TrainConfig
    from a2qplus_train.data import load
    from a2qplus_train.initialize import quantize
    from a2qplus_train.metrics import top1
    from a2qplus_train.trainer import fit, reproducible
    from a2qplus_train.vectors import scores_of

    start, p, seed = job
    init, project = STARTS[start]
    config = TrainConfig(**DESIGN, accumulator_bits=p, seed=seed, init=init, project_steps=project, epochs=EPOCHS)
    with reproducible(seed):
        data = load(config)
        run = fit(config, data, float_checkpoint=_checkpoint(folder, seed))
        error = weight_error(run.float_model, quantize(run.float_model))
        accuracy = top1(scores_of(run.quantized.double().eval(), data.test.images), data.test.labels)
    return {"start": start, "accumulator_bits": p, "seed": seed, "weight_error": error, "accuracy": accuracy}


def pretrained(folder: Path, seed: int) -> None:
    """Train the float network that all starts of this seed share."""
    from a2qplus_train.config import TrainConfig
    from a2qplus_train.trainer import pretrain

    pretrain(TrainConfig(**DESIGN, seed=seed), _checkpoint(folder, seed))


def _checkpoint(folder: Path, seed: int) -> Path:
    return folder / f"float_{seed}.pt"


def summary(runs: list[dict[str, Any]], start: str, p: int) -> dict[str, Any]:
    """Means over the seeds, and whether the default is the best or within one standard error of this start.

    The standard error is that of the difference, which is taken seed by seed.
    """
    own, default = (_by_seed(runs, name, p) for name in (start, DEFAULT))
    behind = [own[s]["accuracy"] - default[s]["accuracy"] for s in SEEDS]
    error = float(np.std(behind, ddof=1) / np.sqrt(len(behind)))
    return {
        "start": start,
        "accumulator_bits": p,
        "weight_error": float(np.mean([r["weight_error"] for r in own.values()])),
        "accuracy": float(np.mean([r["accuracy"] for r in own.values()])),
        "accuracy_spread": float(np.std([r["accuracy"] for r in own.values()], ddof=1)),
        "ahead_of_default": float(np.mean(behind)),
        "standard_error": error,
        "default_holds": float(np.mean(behind)) <= error,
    }


def _by_seed(runs: list[dict[str, Any]], start: str, p: int) -> dict[int, dict[str, Any]]:
    return {r["seed"]: r for r in runs if r["start"] == start and r["accumulator_bits"] == p}


def run(folder: Path) -> tuple[dict[str, Any], Table]:
    """(every run and the summary, table). One process a core, two at most: the trainings are small."""
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [(start, p, seed) for p in WIDTHS for start in STARTS for seed in SEEDS]
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(2, os.cpu_count() or 1), mp_context=spawn) as pool:
        list(pool.map(partial(pretrained, folder), SEEDS))
        runs = list(pool.map(partial(measure, folder), jobs))
    table = Table(title=f"digits CNN, W4A4, A2Q+: start, then {EPOCHS} epochs; mean of {len(SEEDS)} seeds, test split")
    for column in ("P", "initialization", "weight error", "accuracy, %", "spread", "ahead of default", "std. error"):
        table.add_column(column, justify="left" if column == "initialization" else "right")
    rows = [summary(runs, start, p) for p in WIDTHS for start in STARTS]
    for r in rows:
        figures = [f"{r[k]:.2f}" for k in ("accuracy", "accuracy_spread", "ahead_of_default", "standard_error")]
        table.add_row(str(r["accumulator_bits"]), r["start"], f"{r['weight_error']:.4f}", *figures)
    holds = all(r["default_holds"] for r in rows)
    return {"default": DEFAULT, "default_holds": holds, "epochs": EPOCHS, "rows": rows, "runs": runs}, table
