"""A summary as a build of a small CNN would give it, for tests. The figures are made up by `random`, not measured."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from flows.accumulators import POLICIES
from flows.files import write_json
from flows.report.summary import CHECKS
from flows.sweep.row import ALL_COLUMNS
from flows.synthesize.cells import RESOURCES, add
from flows.synthesize.parts import part_of

INSTANCES = (
    ("FMPadding_0", "fmpadding"), ("ConvolutionInputGenerator_0", "swg"), ("MVAU_0", "mvau"),
    ("Thresholding_0", "thresholding"), ("MVAU_1", "mvau"), ("Thresholding_1", "thresholding"), ("Pool_0", "pool"),
    ("MVAU_2", "mvau"), ("LabelSelect_0", "labelselect"), ("StreamingFIFO_0", "fifo"), ("StreamingFIFO_1", "fifo"),
    ("StreamingDataWidthConverter_0", "dwc"),
)  # fmt: skip


def sample(seed: int = 1) -> dict[str, Any]:
    """A complete summary."""
    rng = random.Random(seed)
    layers = []
    for index, (mw, mh, trained) in enumerate(((9, 16, None), (144, 24, 11), (384, 10, 11))):
        exact = trained - index % 2 if trained else 17
        lanes = [exact - rng.randrange(3) for _ in range(3)] + [exact]
        layers.append({
            "name": f"MVAU_{index}", "op": "MVAU", "mw": mw, "mh": mh, "pe": 4, "simd": 3 * (index + 1),
            "weight_bits": 4 if trained else 8, "input_bits": 4 if trained else 5, "trained_bits": trained,
            "datatype_bits": 19 - index, "exact_bits": exact, "implemented_bits": max(lanes), "lane_bits": lanes,
            "sparsity": rng.random(),
        })  # fmt: skip
    comparison = [_policy(policy, 1.0 - 0.12 * index, layers, rng) for index, policy in enumerate(POLICIES)]
    built = comparison[POLICIES.index("exact")]
    part = part_of("pynq-z2")
    return {
        "schema_version": 1,
        "design": "digits_cnn",
        "config_hash": "3f9a0c51d2",
        "seed": 7,
        "training": {
            "method": "a2q+", "dataset": "digits", "float_metric": 98.89, "quant_metric": 98.52, "metric": "accuracy",
            "split": "test",
        },
        "layers": layers,
        "channels": [
            {"name": "MVAU_1", "inputs": [144, 144], "outputs": [24, 21], "lane_bits": [44, 44]},
            {"name": "MVAU_2", "inputs": [384, 336], "outputs": [10, 10], "lane_bits": [44, 41]},
        ],
        "verification": {name: {"frames": 200 + i, "mismatches": 0} for i, name in enumerate(CHECKS)},
        "performance": {
            "source": "rtlsim", "latency_cycles": 4_871, "interval_cycles": 2_304.5, "bound_cycles": 2_304,
            "bound_layer": "MVAU_1", "fifo_depths": {"StreamingFIFO_0": 2, "StreamingFIFO_1": 33}, "fifo_bits": 1_234,
            "cycle_model": {"latency_cycles": 4_872, "interval_cycles": 2_305.25},
            "traffic": [
                {"name": name, "beats": 577 * n, "stalls": 31 + n, "starves": 4_001 + n, "cycles": 41_237,
                 "active": 577 * n / 41_237}
                for n, name in enumerate(("MVAU_0", "MVAU_1"), start=1)
            ],
            "timeline": [
                {"name": "MVAU_0", "frames": [[3, 2_000], [2_001, 4_304]]},
                {"name": "MVAU_1", "frames": [[12, 2_316], [2_317, 4_620]]},
            ],
            "clk_period_ns": 10.0, "latency_us": 48.71, "fps": 1e9 / 23_045.0,
        },
        "resources": {
            "yosys": {
                "family": part.family, "part": part.name, "scope": "sum of layers", "total": built["total"],
                "layers": [{"name": n, "impl": m, **built["layers"][n], "path_ns": 2.5} for n, m in INSTANCES],
                "critical_path": {"ns": 2.5, "instance": INSTANCES[0][0], "source": "yosys sta"},
                "capacity": dict(part.capacity or {}), "share": part.share(built["total"]),
            }
        },
        "accumulator_comparison": comparison,
        "seconds": {
            "train": 61.25, "frontend": 9.5, "fifos_enough": 0.19, "fifos_least": 1.31, "emit": 0.25,
            "verilator_build": 14.75, "rtlsim": 3.5, "rtlsim_frame": 0.0031, "yosys": 41.0, "total": 130.25,
        },
        "steps": {
            "train": {"seconds": 61.25, "cpu_seconds": 118.125, "peak_memory_mib": 1_422.4},
            "frontend": {"seconds": 9.5, "cpu_seconds": 9.25, "peak_memory_mib": 905.0},
        },
    }  # fmt: skip


def _policy(policy: str, scale: float, layers: list[dict[str, Any]], rng: random.Random) -> dict[str, Any]:
    counts = {}
    for name, module in INSTANCES:
        depends = scale if module in ("mvau", "thresholding") else 1.0
        lut = int(depends * {"mvau": 900, "thresholding": 400}.get(module, 90)) + 3 * len(name)
        counts[name] = dict.fromkeys(RESOURCES, 0) | {"LUT": lut, "FF": lut // 2, "LUTRAM": 8, "CARRY": 11}
    key = {"fixed-32": lambda x: 32, "datatype": lambda x: x["datatype_bits"], "exact": lambda x: x["exact_bits"]}
    bits = key.get(policy, lambda x: x["trained_bits"] or x["exact_bits"])
    return {
        "policy": policy,
        "bits": {x["name"]: bits(x) for x in layers},
        "total": add(counts.values()),
        "layers": counts,
    }


def study(out: Path) -> list[dict[str, Any]]:
    """The table of a sweep over methods, P and policies, and the reports of its points below `out`."""
    rows = []
    for number, (method, width, policy) in enumerate(
        [(m, p, policy) for m in ("a2q+", "a2q") for p in (8, 10, 12) for policy in ("fixed-32", "exact")]
        + [("qat", None, "exact")]
    ):
        summary = sample(number)
        row = next(r for r in summary["accumulator_comparison"] if r["policy"] == policy)
        summary["accumulator_comparison"] = [row]
        tool = summary["resources"]["yosys"]
        scale = 1 + (width or 16) / 16
        for layer in tool["layers"]:
            layer["LUT"] = int(scale * row["layers"][layer["name"]]["LUT"])
        tool["total"]["LUT"] = row["total"]["LUT"] = sum(layer["LUT"] for layer in tool["layers"])
        summary["training"] |= {"method": method, "quant_metric": 80.0 + (width or 13) + (method == "a2q+")}
        folder = f"points/{method}_{width}_{policy}"
        write_json(out / folder / "report" / "summary.json", summary)
        write_json(out / folder / "report" / "accumulators.json", certificate(number))
        rows.append(dict.fromkeys(ALL_COLUMNS) | {
            "method": method, "accumulator_bits": width, "policy": policy, "board": "pynq-z2", "seed": 0,
            "activation_bits": 4, "weight_bits": 4, "design": "digits_cnn", "folder": folder, "seconds": 9.5,
            "sparsity": 1 / (width or 40), "interval_cycles": 2304, "verified": True, "metric": "accuracy",
            **{key: summary["training"][key] for key in ("float_metric", "quant_metric")},
            **{name: tool["total"][name] for name in RESOURCES if name in ALL_COLUMNS},
        })  # fmt: skip
    return rows


def certificate(seed: int = 2) -> dict[str, Any]:
    """accumulators.json of the same CNN."""
    rng = random.Random(seed)
    layers = []
    for layer in sample()["layers"]:
        channels = []
        for index in range(layer["mh"]):
            built = layer["lane_bits"][index % layer["pe"]]
            exact = built - rng.randrange(2)
            ends = {"acc_min": -rng.randrange(1 << exact - 1), "acc_max": rng.randrange(1 << exact - 1)}
            bits = {"exact_bits": exact, "implemented_bits": built, "slack": built - exact}
            channels.append(ends | {"l1": rng.randrange(1, 137)} | bits)
        budget = None if layer["trained_bits"] is None else 136
        kept = ("name", "mw", "trained_bits", "datatype_bits", "exact_bits", "implemented_bits")
        types = {"weight_type": f"INT{layer['weight_bits']}", "input_type": f"UINT{layer['input_bits']}"}
        ends = {"input_range": [0, (1 << layer["input_bits"]) - 1], "l1_budget": budget, "channels": channels}
        layers.append({key: layer[key] for key in kept} | types | ends)
    return {"schema_version": 1, "design": "digits_cnn", "policy": "exact", "layers": layers}
