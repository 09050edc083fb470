"""The automatic choice of folding and microarchitecture against the best of all choices, over thirty sampled layers.

Layers: dense ones and convolutions with a Thresholding, weights by A2Q+'s budget at several P, a rate each. All
choices: every pair of PE and SIMD that meets the rate, as `folded`, as `sparse` (tiles of zeros skipped) where that is
legal, and as `const` where fully unrolled; of the window (a pixel or all of it a beat) and the Thresholding likewise;
every combination that meets the rate in the cycle model with FIFOs of two beats. A choice of
one operator that is estimated at more than `NEAR` times its cheapest one is not built. What is compared is the whole
layer, with the FIFOs and width converters that the choice needs, in LUTs by Yosys, a block RAM at what it is worth to
the search.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any

from rich.table import Table

from benchmarks._area_layers import Layer, choices, draw
from flows.cost import LUTS_PER_BRAM, total
from flows.design import Design, Folding
from flows.synthesize.jobs import Job, design_jobs
from flows.synthesize.yosys import synthesize

FIRST, LAYERS, REDUCED = 34, 30, 4
"""Layers up to FIRST were looked at when model and search were made."""
FAMILY = "xc7"
MOST_EXCESS = 0.05


def run(folder: Path, reduced: bool = False) -> tuple[dict[str, Any], Table]:
    """({"rows", "verdict"}, table)."""
    layers = [draw(FIRST + number) for number in range(REDUCED if reduced else LAYERS)]
    rows = measure(layers, folder)
    excess = [row["excess"] for row in rows]
    verdict = {
        "median_excess": median(excess), "largest_excess": max(excess), "within": max(excess) <= MOST_EXCESS,
        "bound": MOST_EXCESS,
    }  # fmt: skip
    return {"source": "yosys", "family": FAMILY, "rows": rows, "verdict": verdict}, _table(rows, verdict)


def measure(layers: list[Layer], folder: Path) -> list[dict[str, Any]]:
    """One row a layer. Everything is synthesized at once: what choices share, once."""
    jobs: dict[str, Job] = {}
    built: list[list[tuple[Folding, Design, list[str]]]] = []
    for layer in layers:
        foldings = [layer.automatic, *choices(layer)]
        designs = [layer.design(folding) for folding in foldings]
        named = []
        for folding, design in zip(foldings, designs, strict=True):
            keys = []
            for instance, job in zip(design.instances, design_jobs(design), strict=True):
                key = f"{layer.name} {instance.module} {sorted(job.files.items())!r}"
                jobs.setdefault(key, job)
                keys.append(key)
            named.append((folding, design, keys))
        built.append(named)
    results = synthesize(list(jobs.values()), FAMILY, folder)
    prices = {key: r.counts["LUT"] + LUTS_PER_BRAM * r.counts["BRAM_18K"] for key, r in zip(jobs, results, strict=True)}
    return [_row(layer, named, prices) for layer, named in zip(layers, built, strict=True)]


def _row(layer: Layer, named: list[tuple[Folding, Design, list[str]]], prices: dict[str, float]) -> dict[str, Any]:
    measured = [sum(prices[key] for key in keys) for _, _, keys in named]
    best = min(range(len(measured)), key=measured.__getitem__)
    return {
        "layer": layer.name, "target_cycles": layer.target, "accumulator_bits": layer.accumulator_bits,
        "zeros": layer.zeros, "choices": len(named) - 1, "automatic": _said(named[0][0]),
        "best": _said(named[best][0]), "lut": measured[0], "best_lut": measured[best],
        "estimate": total(named[0][1]).price, "best_estimate": total(named[best][1]).price,
        "meets": layer.meets(named[0][1]), "excess": measured[0] / measured[best] - 1,
    }  # fmt: skip


def _said(folding: Folding) -> dict[str, str]:
    return {
        name: f"{fold.pe}x{fold.simd} {'folded' if fold.impl == 'auto' else fold.impl}"
        + (" parallel window" if fold.parallel_window else "")
        for name, fold in folding.items()
    }


def _table(rows: list[dict[str, Any]], verdict: dict[str, Any]) -> Table:
    said = "within" if verdict["within"] else "NOT within"
    table = Table(
        title=f"Automatic choice against the best of all (LUT: Yosys, {FAMILY}): median excess "
        f"{verdict['median_excess']:.1%}, largest {verdict['largest_excess']:.1%}, {said} {verdict['bound']:.0%}"
    )
    for column in ("layer", "cycles asked", "P", "zeros", "choices", "automatic", "best", "LUT", "best LUT", "excess",
                   "estimate", "of the best"):  # fmt: skip
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(
            row["layer"], f"{row['target_cycles']:,}", str(row["accumulator_bits"]), f"{row['zeros']:.0%}",
            str(row["choices"]), ", ".join(row["automatic"].values()), ", ".join(row["best"].values()),
            f"{row['lut']:,.0f}", f"{row['best_lut']:,.0f}", f"{row['excess']:.1%}", f"{row['estimate']:,.0f}",
            f"{row['best_estimate']:,.0f}",
        )  # fmt: skip
    return table
