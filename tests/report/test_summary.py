"""The summary: made from a design and its results, checked key by key, equal to the published contract."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.accumulators import POLICIES, analyse
from flows.design import Design, Instance, Stream
from flows.errors import ConfigError
from flows.graph import MVAU, IntType
from flows.report import write_report
from flows.report.estimates import layer_cycles, network_performance, rtlsim_performance
from flows.report.summary import build, load, validate
from flows.synthesize.cells import RESOURCES
from flows.synthesize.parts import part_of
from flows.synthesize.yosys import LayerResources, Resources
from tests.networks import Chain
from tests.report.sample import sample

CONTRACT = {
    "": {"schema_version", "design", "config_hash", "seed", "training", "layers", "verification", "performance",
         "resources", "accumulator_comparison", "seconds"},
    "training": {"method", "dataset", "float_metric", "quant_metric", "metric", "split"},
    "layers": {"name", "op", "mw", "mh", "pe", "simd", "weight_bits", "input_bits", "trained_bits", "datatype_bits",
               "exact_bits", "implemented_bits", "lane_bits", "sparsity"},
    "performance": {"source", "latency_cycles", "interval_cycles", "bound_cycles", "bound_layer", "fifo_depths"},
    "yosys": {"family", "part", "scope", "total", "layers"},
    "row": {"policy", "bits", "total"},
}  # fmt: skip
"""Keys that scripts read; the objects may have more."""


def built(**changes: Any) -> dict[str, Any]:
    """The summary of a network of two MVAUs with made-up measurements."""
    graph = (
        Chain((1, 1, 12), bits=4, seed=3).mvau(8).thresholds(4).mvau(6).graph(trained={"MVAU_0": 14, "MVAU_1": None})
    )
    widths = analyse(graph)
    streams, instances = {"input": Stream("input", "x", IntType(4, False), 3, 4)}, []
    for index, (name, pe, work) in enumerate((("MVAU_0", 2, 16), ("MVAU_1", 3, 40))):
        fifo, out = f"StreamingFIFO_{index}", f"{name}_out"
        streams |= {f"{fifo}_out": Stream(f"{fifo}_out", "x", IntType(4, False), 3, 4),
                    out: Stream(out, "y", IntType(14, True), pe, 4)}  # fmt: skip
        bits = widths[name].exact
        lanes = tuple(max(bits[p::pe]) for p in range(pe))
        previous = "input" if index == 0 else "MVAU_0_out"
        instances += [
            Instance(fifo, "fifo", "", {"DEPTH": 2 + 30 * index}, (previous,), (f"{fifo}_out",), 4),
            Instance(name, "mvau", name, {"PE": pe, "SIMD": 3}, (f"{fifo}_out",), (out,), work, lane_bits=lanes),
        ]
    design = Design("net", tuple(instances), streams, "input", "MVAU_1_out")
    counts = {name: 10 * i for i, name in enumerate(RESOURCES, 1)}
    layers = tuple(LayerResources(i.name, i.module, counts, 1.5 + len(i.name) / 8) for i in design.instances)
    found = asdict(Resources("xc7", "sum of layers", {n: 4 * c for n, c in counts.items()}, layers))
    training = {
        "schema_version": 1, "method": "a2q+", "dataset": "digits", "float_metric": 98.9, "quant_metric": 98.0,
        "metric": "accuracy", "split": "test", "seed": 3, "layers": [],
    }  # fmt: skip
    streams = {s: {"beats": 90, "stalls": 3, "starves": 200} for s in design.streams}
    measured = {"latency_cycles": 120, "interval_cycles": 41.0, "frames": 9, "cycles": 500, "streams": streams}
    given: dict[str, Any] = {
        "design": design, "graph": graph, "widths": widths, "policy": "exact", "config_hash": "abc", "seed": 3,
        "training": training, "part": part_of("pynq-z2"), "clk_period_ns": 5.0, "seconds": {"train": 3, "total": 4.5},
        "checks": {
            "brevitas_vs_golden": {"frames": 540, "mismatches": 0, "tensors": ["a"]},
            "rtl_layers": {"frames": 200, "mismatches": 0},
            "rtl_stitched": {"frames": 200, "mismatches": 0, "performance": measured},
            "hls_layers": None,
        },
        "resources": dict.fromkeys(POLICIES, found),
    }  # fmt: skip
    return dict(build(**(given | changes))) | {"_given": given}


def test_it_has_the_keys_of_the_contract() -> None:
    s = built()
    assert CONTRACT[""] <= set(s)
    assert CONTRACT["training"] == set(s["training"])
    assert all(CONTRACT["layers"] == set(layer) for layer in s["layers"])
    assert CONTRACT["performance"] <= set(s["performance"])
    assert CONTRACT["yosys"] <= set(s["resources"]["yosys"])
    assert set(s["resources"]["yosys"]["total"]) == set(RESOURCES)
    assert all({"name", "impl", "path_ns", *RESOURCES} == set(layer) for layer in s["resources"]["yosys"]["layers"])
    assert all(CONTRACT["row"] <= set(row) for row in s["accumulator_comparison"])


def test_the_longest_path_is_that_of_the_slowest_instance() -> None:
    tool = built()["resources"]["yosys"]
    times = {layer["name"]: layer["path_ns"] for layer in tool["layers"]}
    slowest = max(times, key=times.__getitem__)
    assert tool["critical_path"] == {"ns": times[slowest], "instance": slowest, "source": "yosys sta"}


def test_layers_say_what_the_design_implements() -> None:
    s = built()
    given = s["_given"]
    for layer, op in zip(s["layers"], given["graph"].of_type(MVAU), strict=True):
        instance = given["design"].instance(op.name)
        assert (layer["mw"], layer["mh"]) == op.weights.shape
        assert layer["lane_bits"] == list(instance.lane_bits) and layer["implemented_bits"] == max(instance.lane_bits)
        assert layer["exact_bits"] == max(given["widths"][op.name].exact) <= layer["datatype_bits"]
        assert layer["sparsity"] == np.count_nonzero(op.weights == 0) / op.weights.size
    assert [layer["trained_bits"] for layer in s["layers"]] == [14, None]


def test_what_did_not_run_is_absent() -> None:
    s = built()
    assert set(s["verification"]) == {"brevitas_vs_golden", "rtl_layers", "rtl_stitched"}
    assert s["verification"]["brevitas_vs_golden"] == {"frames": 540, "mismatches": 0}
    nothing = built(checks={"brevitas_vs_golden": {}, "rtl_stitched": None}, resources={}, training=None)
    assert nothing["verification"] == {} and "resources" not in nothing and nothing["training"] is None
    assert nothing["accumulator_comparison"] == []


def test_performance_measured_and_estimated() -> None:
    p = built()["performance"]
    assert (p["source"], p["latency_cycles"], p["interval_cycles"]) == ("rtlsim", 120, 41.0)
    assert (p["bound_cycles"], p["bound_layer"]) == (40, "MVAU_1")
    assert p["fifo_depths"] == {"StreamingFIFO_0": 2, "StreamingFIFO_1": 32}
    assert p["fps"] == pytest.approx(1 / (41 * 5e-9)) and p["latency_us"] == pytest.approx(0.6)
    assert p["traffic"][0] == {
        "name": "MVAU_0", "beats": 90, "stalls": 3, "starves": 200, "cycles": 500, "active": 0.18
    }  # fmt: skip
    estimate = built(checks={})["performance"]
    assert estimate["source"] == "estimate" and estimate["fps"] == pytest.approx(1 / (40 * 5e-9))
    assert not {"latency_cycles", "interval_cycles", "latency_us"} & set(estimate)


def test_resources_and_their_share() -> None:
    s = built()
    yosys = s["resources"]["yosys"]
    assert yosys["total"]["LUT"] == 40 and yosys["share"]["LUT"] == 40 / 53_200 and "URAM" not in yosys["share"]
    assert [row["policy"] for row in s["accumulator_comparison"]] == list(POLICIES)
    fixed = s["accumulator_comparison"][0]
    assert fixed["bits"] == {"MVAU_0": 32, "MVAU_1": 32} and fixed["layers"]["MVAU_1"]["FF"] == 40
    unlimited = built(part=part_of("none"))["resources"]["yosys"]
    assert unlimited["part"] == "none" and not {"capacity", "share"} & set(unlimited)


def test_read_back_from_disk(tmp_path: Path) -> None:
    s = built()
    del s["_given"]
    write_report(s, tmp_path)
    assert load(tmp_path / "summary.json") == s


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda s: s.pop("design"), "design"),
        (lambda s: s.update(schema_version=2), "schema_version"),
        (lambda s: s.update(note="x"), "note"),
        (lambda s: s["verification"].update(rtl_layer={"frames": 1, "mismatches": 0}), "verification.rtl_layer"),
        (lambda s: s["verification"].update(driver=None), "verification.driver"),
        (lambda s: s["layers"][0].update(mw="64"), "layers.0.mw"),
        (lambda s: s["resources"]["yosys"]["total"].pop("SRL"), "resources.yosys.total.SRL"),
        (lambda s: s["resources"]["yosys"].update(scope="layers"), "resources.yosys.scope"),
        (lambda s: s["training"].update(split="train"), "training.split"),
    ],
)
def test_a_wrong_summary_names_the_key(change: Any, where: str) -> None:
    summary = sample()
    change(summary)
    with pytest.raises(ConfigError, match=where.replace(".", r"\.")):
        validate(summary)


def test_missing_and_broken_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        load(tmp_path / "summary.json")
    (tmp_path / "summary.json").write_text("{", encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot read"):
        load(tmp_path / "summary.json")
    (tmp_path / "summary.json").write_text(json.dumps({"schema_version": 1}), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"summary\.json: design"):
        load(tmp_path / "summary.json")


def test_finns_estimates() -> None:
    design = built()["_given"]["design"]
    assert layer_cycles(design) == {"MVAU_0": 16, "MVAU_1": 40}
    assert network_performance(design, 10.0) == {
        "critical_path_cycles": 56, "max_cycles": 40, "max_cycles_node_name": "MVAU_1",
        "estimated_throughput_fps": pytest.approx(2.5e6), "estimated_latency_ns": pytest.approx(560.0),
    }  # fmt: skip


def test_finns_rtlsim_performance() -> None:
    measured = {"cycles": 1_000, "frames": 20, "latency_cycles": 90, "interval_cycles": 48.0}
    assert rtlsim_performance(measured, 10.0) == {
        "N": 20, "cycles": 1_000, "latency_cycles": 90, "interval_cycles": 48.0, "fclk[mhz]": pytest.approx(100.0),
        "runtime[ms]": pytest.approx(0.01), "throughput[images/s]": pytest.approx(2e6),
        "fps_from_interval": pytest.approx(1e9 / 480),
    }  # fmt: skip
