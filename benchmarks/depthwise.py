"""What zero-centring costs a depthwise layer: MobileNetV1 at a quarter of its width on digits, W4A4, A2Q+.

Centring takes one of the nine degrees of freedom of a 3x3 kernel, its mean, and gives about one accumulator bit. Peers
in the same run, from the same float checkpoints: A2Q+ in every layer with depthwise layers centred, and the default,
where they keep A2Q's bound without centring, or none at widths that no weights of their type can leave. All other
layers are A2Q+'s in both. Test split, mean over the seeds; the standard error is that of the difference, seed by seed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from benchmarks._trainings import accuracy, fit, paired, train_all

SEEDS = range(3)
WIDTHS = (9, 10, 11, 12)
BASE: dict[str, Any] = {"model": "mobilenetv1", "width": 0.25, "float_epochs": 20, "epochs": 20}
FORMS = {"not centred (default)": False, "centred": True}


def measure(folder: Path, job: tuple[str, int, int]) -> dict[str, Any]:
    """Train one network; runs in a process of its own."""
    from a2qplus_train.certificate import certify
    from a2qplus_train.trainer import reproducible

    form, p, seed = job
    with reproducible(seed):
        run, test = fit(folder, seed, {**BASE, "accumulator_bits": p, "depthwise_centred": FORMS[form]})
        bits = {c.name: c.exact_bits for c in certify(run.quantized)}
        found, of_float = (accuracy(model, test) for model in (run.quantized, run.float_model))
    depthwise = [layer for layer in run.quantized.plan if layer.depthwise]
    return {
        "form": form, "accumulator_bits": p, "seed": seed, "accuracy": found, "float_accuracy": of_float,
        "methods": sorted({layer.method for layer in depthwise}),
        "widest_depthwise": max(bits[layer.name] for layer in depthwise),
    }  # fmt: skip


def summary(runs: list[dict[str, Any]], p: int, form: str) -> dict[str, Any]:
    """Mean and spread of one row, and how far it is ahead of the default."""
    own, default = (
        [r for r in runs if r["form"] == name and r["accumulator_bits"] == p] for name in (form, next(iter(FORMS)))
    )
    return {
        "accumulator_bits": p, "form": form, "method": "/".join(own[0]["methods"]), **paired(own, default),
        "widest_depthwise": max(r["widest_depthwise"] for r in own),
        "float_accuracy": float(np.mean([r["float_accuracy"] for r in own])),
    }  # fmt: skip


def run(folder: Path) -> tuple[dict[str, Any], Table]:
    """(every run and the summary, table)."""
    jobs = [(form, p, seed) for p in WIDTHS for form in FORMS for seed in SEEDS]
    runs = train_all(folder, BASE, SEEDS, measure, jobs)
    rows = [summary(runs, p, form) for p in WIDTHS for form in FORMS]
    floats = rows[0]["float_accuracy"]
    table = Table(title=f"MobileNetV1 x0.25, digits, W4A4, A2Q+; float {floats:.2f} %; mean of {len(SEEDS)} seeds")
    for column in (
        "P", "depthwise layers", "their method", "widest of them, bits", "accuracy, %", "spread", "ahead of default",
        "std. error",
    ):  # fmt: skip
        table.add_column(column, justify="left" if column in ("depthwise layers", "their method") else "right")
    for r in rows:
        figures = [f"{r[k]:.2f}" for k in ("accuracy", "accuracy_spread", "ahead_of_default", "standard_error")]
        table.add_row(str(r["accumulator_bits"]), r["form"], r["method"], str(r["widest_depthwise"]), *figures)
    return {"base": BASE, "rows": rows, "runs": runs}, table
