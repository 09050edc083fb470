"""`build.py compare`: builds of ours, sweeps and FINN's builds in one table; each tool's figures in its own columns."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

import build
from flows.files import write_json, write_text
from flows.sweep.row import ALL_COLUMNS
from flows.sweep.table import from_csv, groups, to_csv
from tests.report.sample import sample


def ours(folder: Path, seed: int = 1, vivado: bool = False, config: dict[str, Any] | None = None) -> dict[str, Any]:
    """A finished build of ours; made-up figures."""
    summary = sample(seed)
    resources = summary["resources"]
    summary["resources"] = {"yosys": resources["yosys"]}
    if vivado:
        total = {name: 3 * value + 1 for name, value in resources["yosys"]["total"].items()}
        timing = {"wns_ns": 1.0, "whs_ns": 0.1, "fmax_mhz": 111.25, "met": True}
        tool = {"family": "xc7", "part": "xc7z020clg400-1", "scope": "stitched", "total": total, "layers": []}
        summary["resources"]["vivado"] = tool | {"timing": timing}
    write_json(folder / "report" / "summary.json", summary)
    write_json(folder / "report" / "accumulators.json", certificate(summary))
    if config is not None:
        write_json(folder / "build_config.json", config)
    return summary


def certificate(summary: dict[str, Any]) -> dict[str, Any]:
    """The accumulators.json of such a build."""
    layers = []
    for layer in summary["layers"]:
        kept = {key: layer[key] for key in ("name", "mw", "mh", "trained_bits", "datatype_bits", "exact_bits")}
        channel = {"acc_min": -5, "acc_max": 9, "l1": 3, "exact_bits": 5, "implemented_bits": 7, "slack": 2}
        more = {"weight_type": "INT4", "input_type": "UINT4", "input_range": [0, 15], "l1_budget": None}
        layers.append(kept | more | {"implemented_bits": 7, "channels": [channel] * layer["mh"]})
    return {"schema_version": 1, "design": summary["design"], "policy": "datatype", "layers": layers}


def table(out: Path) -> list[dict[str, str]]:
    with (out / "results.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_builds_sweeps_and_finns_builds_in_one_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train = {"method": "a2q+", "accumulator_bits": 11, "weight_bits": 4, "activation_bits": 3, "seed": 7}
    config = {"train": train, "board": "zcu104", "target_fps": 9, "skip_zeros": True, "accumulator_policy": "exact"}
    first = ours(tmp_path / "a", 1, vivado=True, config=config)
    second = ours(tmp_path / "b", 2)
    write_json(
        tmp_path / "finn" / "report" / "ooc_synth_and_timing.json",
        {"LUT": 900.0, "LUTRAM": 80, "FF": 700, "DSP": 3, "BRAM_18K": 1, "BRAM_36K": 2, "fmax_mhz": 123.5},
    )
    write_json(tmp_path / "finn" / "report" / "rtlsim_performance.json", [{"intervals": [64], "throughput_fps": 1.5}])
    write_json(tmp_path / "old" / "report" / "post_synth_resources.json", {"(top)": {"LUT": 5, "FF": 6}})
    write_json(
        tmp_path / "old" / "report" / "rtlsim_performance.json",
        {"latency_cycles": 77, "throughput[images/s]": 2.0, "stable_throughput[images/s]": 2.5},
    )
    swept = [dict.fromkeys(ALL_COLUMNS) | {"method": "qat", "seed": s, "quant_metric": 97.0 + s, "metric": "accuracy",
             "LUT": 10, "verified": True, "folder": f"points/qat_{s}"} for s in (0, 1)]  # fmt: skip
    write_text(tmp_path / "sweep" / "results.csv", to_csv(swept))
    folders = [str(tmp_path / name) for name in ("a", "b", "finn", "old", "sweep")]
    assert build.main(["compare", *folders, "-o", str(tmp_path / "out")]) == 0
    assert "6 builds" in capsys.readouterr().out and (tmp_path / "out" / "index.html").is_file()
    rows = table(tmp_path / "out")
    assert [r["build"] for r in rows] == [*folders, folders[-1]]
    a, b, finn, old, *points = rows
    for row, summary in ((a, first), (b, second)):
        assert int(row["LUT"]) == summary["resources"]["yosys"]["total"]["LUT"] and row["verified"] == "true"
        assert row["method"] == "a2q+" and float(row["quant_metric"]) == summary["training"]["quant_metric"]
        assert row["accumulator_bits"] == "11" and row["folder"] == row["build"]
    assert int(a["vivado_LUT"]) == first["resources"]["vivado"]["total"]["LUT"] and a["vivado_fmax_mhz"] == "111.25"
    assert a["vivado_LUT"] != a["LUT"] and b["vivado_LUT"] == "", "nothing that did not run, nothing mixed"
    assert (a["board"], a["target_fps"], a["skip_zeros"], a["policy"]) == ("zcu104", "9", "true", "exact")
    assert (b["board"], b["policy"], b["activation_bits"]) == ("", "datatype", ""), "only what the folder says"
    assert finn["LUT"] == finn["verified"] == finn["quant_metric"] == ""
    assert (finn["vivado_LUT"], finn["vivado_BRAM_18K"], finn["interval_cycles"]) == ("900", "5", "64.0")
    assert (old["vivado_LUT"], old["vivado_FF"], old["vivado_BRAM_18K"], old["fps"]) == ("5", "6", "", "2.5")
    assert [p["folder"] for p in points] == [f"{folders[-1]}/points/qat_{s}" for s in (0, 1)]
    found = groups(from_csv(tmp_path / "out" / "results.csv"))
    assert [g.figures["quant_metric"].count for g in found if g.axes["method"] == "qat"] == [2], "seeds of one sweep"
    assert not any(g.on_front for g in found if "LUT" not in g.figures), "Vivado's figures are on no front of Yosys'"


def test_the_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    ours(tmp_path / "a", 3, vivado=True)
    assert build.main(["compare", str(tmp_path / "a"), "-o", str(tmp_path / "out")]) == 0
    path = tmp_path / "out" / "results.csv"
    rows = from_csv(path)
    assert to_csv(rows) == path.read_text()
    assert type(rows[0]["LUT"]) is int and type(rows[0]["seconds"]) is float and rows[0]["verified"] is True


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda f: None, "no folder"),
        (lambda f: f.mkdir(), "neither a finished build"),
        (lambda f: write_text(f / "report" / "summary.json", "{"), "cannot read"),
        (lambda f: write_json(f / "report" / "summary.json", {"design": "x"}), "summary.json"),
        (lambda f: write_text(f / "results.csv", "method\nqat\n"), "is no table of a sweep"),
        (lambda f: write_text(f / "results.csv", ",".join(ALL_COLUMNS) + "\nqat,x" + "," * 31 + "\n"), "no table"),
        (lambda f: write_json(f / "report" / "post_synth_resources.json", []), "how many LUTs"),
    ],
)
def test_what_is_no_build_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str], make: Any, said: str) -> None:
    make(tmp_path / "x")
    assert build.main(["compare", str(tmp_path / "x"), "-o", str(tmp_path / "out")]) == 2
    err = capfd.readouterr().err
    assert said in err and str(tmp_path / "x") in err.replace("\n", "") and not (tmp_path / "out").exists()
