"""The area model's LUTs (`estimate`) against Yosys' (`yosys`) over instances that its coefficients were not fitted to.

Held out: ten instances of every kind of module, drawn with a seed of their own (`_area_samples`; the fit's is another).
The errors are those of LUTs, relative to Yosys'; beside them, of how many the block RAMs are exactly right.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from benchmarks._area_samples import MAKERS, Sample, draw
from flows.cost import cost
from flows.synthesize.yosys import synthesize

SEED = "held out"
EACH, REDUCED = 10, 1
FAMILY = "xc7"
MEDIAN, P90 = 0.10, 0.25
"""What the errors are to be at the most."""


def run(folder: Path, reduced: bool = False) -> tuple[dict[str, Any], Table]:
    """({"instances", "modules", "verdict"}, table)."""
    drawn = [draw(module, SEED, number) for module in MAKERS for number in range(REDUCED if reduced else EACH)]
    instances = measure(drawn, folder)
    modules = {module: summary([i for i in instances if i["module"] == module]) for module in MAKERS}
    found = summary(instances)
    verdict = {**found, "within": found["median"] <= MEDIAN and found["p90"] <= P90, "bounds": [MEDIAN, P90]}
    result = {
        "sources": {"estimate": "flows.area", "lut": "yosys"}, "family": FAMILY, "instances": instances,
        "modules": modules, "verdict": verdict,
    }  # fmt: skip
    return result, _table(modules, verdict)


def measure(drawn: list[Sample], folder: Path) -> list[dict[str, Any]]:
    """One row an instance: what Yosys says, what the model does, the relative error."""
    results = synthesize([sample.job for sample in drawn], FAMILY, folder)
    rows = []
    for sample, result in zip(drawn, results, strict=True):
        known = cost(sample.module, sample.params, sample.memories)
        lut = result.counts["LUT"]
        rows.append({
            "name": sample.name, "module": sample.module, "lut": lut, "estimate": known.lut,
            "error": known.lut / max(lut, 1) - 1, "bram": result.counts["BRAM_18K"], "estimated_bram": known.bram,
        })  # fmt: skip
    return rows


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Median, 90th percentile and largest of the absolute relative errors; share of block RAMs that are right."""
    errors = np.abs([row["error"] for row in rows])
    return {
        "count": len(rows), "median": float(np.median(errors)), "p90": float(np.quantile(errors, 0.9)),
        "largest": float(errors.max()), "bram_right": float(np.mean([r["bram"] == r["estimated_bram"] for r in rows])),
        "lut": sum(row["lut"] for row in rows), "estimate": sum(row["estimate"] for row in rows),
    }  # fmt: skip


def _table(modules: dict[str, dict[str, Any]], verdict: dict[str, Any]) -> Table:
    said = "within" if verdict["within"] else "NOT within"
    table = Table(
        title=f"Area model against Yosys ({FAMILY}), held-out instances: median error {verdict['median']:.1%}, 90th "
        f"percentile {verdict['p90']:.1%}, {said} {MEDIAN:.0%} and {P90:.0%}"
    )
    for column in (
        "module", "instances", "median error", "90th percentile", "largest", "block RAMs right", "LUT (yosys)",
        "LUT (estimate)",
    ):  # fmt: skip
        table.add_column(column, justify="right")
    for module, found in {**modules, "all": verdict}.items():
        table.add_row(
            module, str(found["count"]), *(f"{found[key]:.1%}" for key in ("median", "p90", "largest", "bram_right")),
            f"{found['lut']:,}", f"{found['estimate']:,.0f}",
        )  # fmt: skip
    return table
