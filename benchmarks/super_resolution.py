"""Super-resolution x2 within narrow accumulators: PSNR of bicubic, float, QAT, A2Q and A2Q+ ESPCNs, W4A4.

Photographs that ship in scikit-image and scikit-learn, split by picture; figures are of the test pictures, by the
exported integers, mean and spread over the seeds. The network adds detail to its own 8-bit input, upsampled by
repetition, so that colours do not pass through 4-bit activations. Network, schedule and learning rates were chosen on
the validation pictures.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from a2qplus_train.config import TrainConfig
from benchmarks._trainings import checkpoint, train_all

SEEDS = (0, 1, 2)
WIDTHS = (12, 13, 16)
BASE = {
    "dataset": "photos", "model": "espcn", "image_skip": True, "channels": (48, 48, 48), "batch_size": 8,
    "float_epochs": 10, "float_learning_rate": 1e-3, "epochs": 12, "learning_rate": 3e-4, "vector_frames": 4,
}  # fmt: skip


def points() -> list[tuple[str, dict[str, Any]]]:
    """(row of the table, configuration) of every quantized network of one seed."""
    rows: list[tuple[str, dict[str, Any]]] = [("qat", {"method": "qat", "accumulator_bits": None})]
    rows += [(f"{m} P={p}", {"method": m, "accumulator_bits": p}) for p in WIDTHS for m in ("a2q", "a2q+")]
    return rows


def run(folder: Path) -> tuple[dict[str, Any], Table]:
    """(figures by row, table). Trains 3 float and 21 quantized networks, one process a core."""
    jobs = [(name, keys, seed) for name, keys in points() for seed in SEEDS]
    done = train_all(folder, BASE, SEEDS, _train, jobs)
    rows: dict[str, dict[str, list[float]]] = {"bicubic": {k: [v] for k, v in _bicubic().items()}}
    for (name, _, _), about in zip(jobs, done, strict=True):
        _add(rows.setdefault(name, {}), about["quant_figures"])
        if name == "qat":
            _add(rows.setdefault("float", {}), about["float_figures"])
    order = ["bicubic", "float", *(name for name, _ in points())]
    result = {"config": _config(0, {}).model_dump(mode="json"), "seeds": SEEDS, "rows": {n: rows[n] for n in order}}
    return result, _table({n: rows[n] for n in order})


def _config(seed: int, keys: dict[str, Any]) -> TrainConfig:
    return TrainConfig.model_validate({**BASE, "seed": seed, **keys})


def _train(folder: Path, job: tuple[str, dict[str, Any], int]) -> dict[str, Any]:
    from a2qplus_train import train

    name, keys, seed = job
    out = folder / f"{name.replace(' P=', '_')}_{seed}"
    train(_config(seed, keys), out, float_checkpoint=checkpoint(folder, seed))
    about: dict[str, Any] = json.loads((out / "training.json").read_text())
    return about


def _bicubic() -> dict[str, float]:
    from a2qplus_train.data import load
    from a2qplus_train.data.pictures import bicubic
    from a2qplus_train.tasks import task_of

    config = _config(0, {})
    test = load(config).test
    return task_of(config).figures(bicubic(test.images, config.upscale), test)


def _add(figures: dict[str, list[float]], found: dict[str, float]) -> None:
    for name, value in found.items():
        figures.setdefault(name, []).append(value)


def _table(rows: dict[str, dict[str, list[float]]]) -> Table:
    table = Table(title=f"ESPCN x2, W4A4, photographs, test pictures: PSNR in dB, {len(SEEDS)} seeds")
    for column in ("", "RGB", "± seeds", "Y", "RGB over bicubic"):
        table.add_column(column, justify="left" if not column else "right")
    base = np.mean(rows["bicubic"]["psnr"])
    for name, figures in rows.items():
        mean, spread = np.mean(figures["psnr"]), np.std(figures["psnr"])
        table.add_row(name, f"{mean:.3f}", f"{spread:.3f}", f"{np.mean(figures['psnr_y']):.3f}", f"{mean - base:+.3f}")
    return table
