"""What narrow accumulators are worth in a whole accelerator: LUTs of the digits CNN, plain QAT against A2Q+.

Two designs at the same frames/s and clock on both sides: one output pixel a clock in every convolution, and folded for
10,000 frames/s. Peer: plain QAT of the same network, with every microarchitecture that A2Q+ may use. Every point is a
build of its own, compared in integers with Brevitas, layer by layer and as a whole. LUTs are Yosys' (xc7, sum of layers
out of context); accuracy is that of the test split. Accuracy counts as kept at 99 % of the float network's.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from flows.config import BuildConfig, load
from flows.files import read_json
from flows.pipeline import build

CONFIGS = Path(__file__).parents[1] / "configs"
POLICIES = {"streaming": ("exact",), "folded": ("fixed-32", "datatype", "exact")}
"""Design to the accumulator policies that mean something in it: constant weights have no accumulator register."""
POINTS: Mapping[str, tuple[str, ...]] = {
    "qat": ("train.method=qat", "train.accumulator_bits=null"),
    **{f"a2q+ P={bits}": ("train.method=a2q+", f"train.accumulator_bits={bits}") for bits in (8, 9, 10, 12)},
}
KEPT = 0.99
KINDS = {
    "mvau": "matrices", "mvau_const": "matrices", "thresholding": "thresholds", "thresholding_const": "thresholds",
    "fifo": "buffers", "dwc": "buffers", "swg": "buffers", "swg_parallel": "buffers",
}  # fmt: skip
"""RTL module to what its LUTs are for; all others are "other": padding, pools, label selection."""


def run(folder: Path) -> tuple[dict[str, Any], Table]:
    """({"designs": {design: {"rows", "verdicts"}}}, table)."""
    trainings = {name: _train(folder, name, keys) for name, keys in POINTS.items()}
    designs = {}
    for design, policies in POLICIES.items():
        rows = []
        for name, training in trainings.items():
            summary = _build(folder, design, name, training, policies)
            rows += [_row(name, policy, summary) for policy in policies]
        designs[design] = {"rows": rows, "verdicts": verdicts(rows)}
    return {"source": "yosys", "family": "xc7", "designs": designs}, _table(designs)


def _slug(name: str) -> str:
    return name.replace(" P=", "_P")


def _train(folder: Path, name: str, keys: tuple[str, ...]) -> Path:
    """One training for both designs; an earlier one with the same configuration is reused."""
    config = load(CONFIGS / "digits_cnn_streaming.yaml", keys, folder / "trainings" / _slug(name))
    build(config, stop="train")
    return config.out / "train"


def _config(folder: Path, design: str, name: str, training: Path, policies: tuple[str, ...]) -> BuildConfig:
    keys = ("train=null", f"model={training.resolve()}", f"compare_policies=[{', '.join(policies)}]")
    return load(CONFIGS / f"digits_cnn_{design}.yaml", keys, folder / design / _slug(name))


def _build(folder: Path, design: str, name: str, training: Path, policies: tuple[str, ...]) -> dict[str, Any]:
    config = _config(folder, design, name, training, policies)
    build(config)
    return dict(read_json(config.out / "report" / "summary.json"))


def _row(name: str, policy: str, summary: Mapping[str, Any]) -> dict[str, Any]:
    """LUTs by kind, the first and the last matrix on their own: they have 8-bit inputs or no constraint."""
    found = next(c for c in summary["accumulator_comparison"] if c["policy"] == policy)
    modules = {layer["name"]: layer["impl"] for layer in summary["resources"]["yosys"]["layers"]}
    matrices = [layer["name"] for layer in summary["layers"]]
    first, last = matrices[0], matrices[-1]
    kinds = dict.fromkeys(("first matrix", "matrices", "last matrix", "thresholds", "buffers", "other"), 0)
    for layer, counts in found["layers"].items():
        kind = {first: "first matrix", last: "last matrix"}.get(layer, KINDS.get(modules[layer], "other"))
        kinds[kind] += counts["LUT"]
    training = summary["training"]
    return {
        "point": name, "policy": policy, "accuracy": training["quant_metric"], "float": training["float_metric"],
        "verification": summary["verification"], "interval_cycles": summary["performance"].get("interval_cycles"),
        "total": found["total"], "LUT_by_kind": kinds,
        "layers": {layer: counts["LUT"] for layer, counts in found["layers"].items()},
    }  # fmt: skip


def verdicts(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Of the smallest A2Q+ point that keeps its accuracy: its share of the LUTs of plain QAT, by QAT's policy.

    A2Q+ counts at the policy `exact`. `middle`: of the matrices alone that are constrained. {} where no point keeps it.
    """
    good = [r for r in rows if r["point"] != "qat" and r["policy"] == "exact" and r["accuracy"] >= KEPT * r["float"]]
    if not good:
        return {}
    best = min(good, key=lambda r: (r["total"]["LUT"], r["point"]))
    shares = {}
    for row in rows:
        if row["point"] == "qat":
            shares[row["policy"]] = {
                "total": best["total"]["LUT"] / row["total"]["LUT"],
                "middle": best["LUT_by_kind"]["matrices"] / row["LUT_by_kind"]["matrices"],
                "BRAM and DSP no higher": all(best["total"][k] <= row["total"][k] for k in ("BRAM_18K", "DSP")),
            }
    return {"point": best["point"], "share_of_qat": shares}


def _table(designs: Mapping[str, Any]) -> Table:
    table = Table(title="Digits CNN, W4A4 (first layer 8 bits): LUTs (Yosys, xc7), by what they are for")
    kinds = ("first matrix", "matrices", "last matrix", "thresholds", "buffers", "other")
    for column in (
        "design",
        "point",
        "accumulators",
        "accuracy",
        "interval",
        "LUT",
        "of QAT",
        *kinds,
        "FF",
        "BRAM",
        "DSP",
    ):
        table.add_column(column, justify="right")
    for design, found in designs.items():
        for row in found["rows"]:
            peer = next(r for r in found["rows"] if r["point"] == "qat" and r["policy"] == row["policy"])
            wrong = sum(check["mismatches"] for check in row["verification"].values())
            assert wrong == 0, f"{design}, {row['point']}: {wrong} mismatches"
            total = row["total"]
            table.add_row(
                design, row["point"], row["policy"], f"{row['accuracy']:.2f}", f"{row['interval_cycles']:g}",
                str(total["LUT"]), f"{total['LUT'] / peer['total']['LUT']:.3f}",
                *(str(row["LUT_by_kind"][kind]) for kind in kinds), str(total["FF"]), str(total["BRAM_18K"]),
                str(total["DSP"]),
            )  # fmt: skip
        table.add_section()
    return table
