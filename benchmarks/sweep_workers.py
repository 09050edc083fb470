"""What a second worker is worth: a sweep of 12 builds on one worker of one core, and on two.

Nothing is trained: one network, three accumulator policies, four rates, every point built, simulated and synthesized.
Each run begins with empty caches, so that every tool runs. Wall-clock seconds; the machine should have two idle cores.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from rich.table import Table

from flows.config import load
from flows.files import write_text
from flows.pipeline import build
from flows.sweep.command import sweep
from flows.sweep.plan import Request
from flows.sweep.workers import Workers

CONFIG = Path(__file__).parents[1] / "configs" / "digits_mlp.yaml"
POLICIES = ("fixed-32", "datatype", "exact")
RATES = (20_000, 40_000, 80_000, 160_000)
WORKERS = (1, 2)
ASKED = 0.6
"""Two workers should take at most this share of one worker's time."""


def run(folder: Path) -> tuple[dict[str, Any], Table]:
    """({"points", "seconds": {workers: s}, "share", "asked", "verified"}, table)."""
    shutil.rmtree(folder, ignore_errors=True)
    request = _request(folder)
    seconds, verified = {}, True
    for count in WORKERS:
        began = time.monotonic()
        with _empty_cache(folder / f"cache_{count}"):
            rows = sweep(Request(request, folder / f"workers_{count}", policies=POLICIES, target_fps=RATES),
                         Workers(count=count))  # fmt: skip
        seconds[count] = round(time.monotonic() - began, 1)
        verified &= all(row["verified"] for row in rows)
        assert len(rows) == len(POLICIES) * len(RATES)
    share = seconds[WORKERS[1]] / seconds[WORKERS[0]]
    table = Table(title=f"{len(POLICIES) * len(RATES)} builds of {CONFIG.stem}, without training (wall-clock seconds)")
    for column in ("workers", "seconds", "share"):
        table.add_column(column, justify="right")
    for count, spent in seconds.items():
        table.add_row(str(count), f"{spent:.1f}", f"{spent / seconds[WORKERS[0]]:.3f}")
    result = {
        "points": len(POLICIES) * len(RATES), "seconds": {str(k): v for k, v in seconds.items()},
        "share": round(share, 3), "asked": ASKED, "verified": verified,
    }  # fmt: skip
    return result, table


def _request(folder: Path) -> Path:
    """A configuration that builds the network of CONFIG, trained here first."""
    trained = load(CONFIG, (), folder / "trained")
    build(trained, stop="train")
    keys = {"name": trained.name, "label_select": trained.label_select, "board": trained.board,
            "model": str((trained.out / "train").resolve())}  # fmt: skip
    write_text(folder / "given.yaml", yaml.safe_dump(keys))
    return folder / "given.yaml"


@contextmanager
def _empty_cache(path: Path) -> Iterator[None]:
    before = os.environ.get("A2QFLOW_CACHE")
    os.environ["A2QFLOW_CACHE"] = str(path.resolve())
    try:
        yield
    finally:
        if before is None:
            del os.environ["A2QFLOW_CACHE"]
        else:
            os.environ["A2QFLOW_CACHE"] = before
