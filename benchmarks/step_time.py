"""Time of a training step of A2Q and A2Q+ over plain Brevitas QAT: same model, same batch, in turns on one core.

A step is what the trainer does: forward, loss with the penalty, backward, Adam, projection of the weights. Peer:
`qat`, whose quantizers are Brevitas' own. Processor time of one thread, so that other work on the machine does not
count; the ratio is taken round by round, its median is the figure.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch
from rich.table import Table
from torch.nn import functional

from a2qplus_train.config import TrainConfig
from a2qplus_train.initialize import project_weights, quantize
from a2qplus_train.models import build_float
from a2qplus_train.quantizers import penalty
from a2qplus_train.trainer import reproducible

# Random images of the data set's size: no file of CIFAR-10 is read.
MODELS: dict[str, dict[str, Any]] = {
    "cnn": {},
    "mlp": {},
    "resnet18": {"dataset": "cifar10", "data_dir": Path(), "width": 0.25},
}
METHODS = ("qat", "a2q", "a2q+")
ROUNDS, WARM_UP = 21, 3
STEPS = {"cnn": 10, "mlp": 20, "resnet18": 1}
LIMIT = 1.15


def stepper(config: TrainConfig, images: torch.Tensor, labels: torch.Tensor) -> Callable[[], None]:
    """Return one training step of `config` on this batch."""
    torch.manual_seed(config.seed)
    model = quantize(build_float(config), images=images).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(model(images), labels) + config.regularizer * penalty(model)
        loss.backward()
        optimizer.step()
        project_weights(model)

    return step


def seconds(step: Callable[[], None], count: int) -> float:
    """Processor seconds of one of `count` steps."""
    start = time.process_time()
    for _ in range(count):
        step()
    return (time.process_time() - start) / count


def run(_folder: Path) -> tuple[dict[str, Any], Table]:
    """(times in ms and ratios by model, table)."""
    table = Table(title=f"Training step, batch 64, one thread, {ROUNDS} rounds (processor time)")
    for column in ("model", "qat, ms", "a2q, ms", "a2q+, ms", "a2q / qat", "a2q+ / qat", f"<= {LIMIT}"):
        table.add_column(column, justify="right")
    rows = []
    for model, keys in MODELS.items():
        configs = {m: TrainConfig(model=model, method=m, **keys) for m in METHODS}
        with reproducible(0):
            images = torch.rand(64, *configs["qat"].image_shape)
            labels = torch.randint(0, configs["qat"].classes or 1, (64,))
            steps = {m: stepper(config, images, labels) for m, config in configs.items()}
            for step in steps.values():
                seconds(step, WARM_UP)
            times = [{m: seconds(step, STEPS[model]) for m, step in steps.items()} for _ in range(ROUNDS)]
        ms = {m: 1e3 * median(t[m] for t in times) for m in METHODS}
        ratios = {m: median(t[m] / t["qat"] for t in times) for m in METHODS[1:]}
        rows.append({"model": model, "ms": ms, "over_qat": ratios, "within": ratios["a2q+"] <= LIMIT})
        shown = [f"{ms[m]:.2f}" for m in METHODS] + [f"{ratios[m]:.3f}" for m in METHODS[1:]]
        table.add_row(model, *shown, "yes" if rows[-1]["within"] else "no")
    return {"limit": LIMIT, "batch": 64, "rounds": ROUNDS, "steps": STEPS, "rows": rows}, table
