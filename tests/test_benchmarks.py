"""The benchmarks' peers: asked for where they are missing, and FINN's sources as the patches expect them."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import benchmarks
from benchmarks import __main__, _da4ml, _finn, finn_library
from benchmarks.adder_graphs import verdict
from flows.errors import ToolMissing


@pytest.mark.parametrize("name", [m.name for m in pkgutil.iter_modules(benchmarks.__path__) if m.name[0] != "_"])
def test_every_benchmark_is_whole(name: str) -> None:
    assert callable(importlib.import_module(f"benchmarks.{name}").run)


def test_without_da4ml_its_benchmark_says_how_to_get_it(monkeypatch, capsys, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(_da4ml, "find_spec", lambda name: None)
    assert __main__.main(["adder_graphs"]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "pip install" in said and f"da4ml=={_da4ml.VERSION}" in said


def test_every_patch_of_finn_applies(monkeypatch) -> None:
    for name, patches in _finn.PATCHES.items():
        original, patched = (_finn.library() / name).read_text(encoding="utf-8"), _finn.source(name)
        assert patched != original and all(reason for reason, _, _ in patches)
    monkeypatch.setattr(_finn, "PATCHES", {"fifo/hdl/fifo.sv": (("a reason", "not in there", ""),)})
    with pytest.raises(ToolMissing, match="a reason"):
        _finn.source("fifo/hdl/fifo.sv")


def test_the_verdict_is_of_the_worst_and_the_median() -> None:
    rows = [{what: {"ours": ours, "da4ml": 100} for what in ("core", "module")} for ours in (90, 95, 101)]
    found = verdict(rows)["verdict"]["core"]
    assert found == {"no_more_at_any": False, "worst": 1.01, "median": 0.95}


def test_finns_mvau_counts_with_its_memory_and_what_is_more_is_named() -> None:
    others = {name: {"LUT": 10, "DSP": 0, "BRAM_18K": 0} for name in finn_library.NO_MORE}
    rows = [
        {
            "shape": f"{dsp} DSPs",
            "ours": {**others, "mvau_dsp": {"LUT": 60, "DSP": dsp, "BRAM_18K": 6 - dsp}},
            "finn": {
                **others,
                "mvau": {"LUT": 50, "DSP": 4, "BRAM_18K": 0},
                "memstream": {"LUT": 30, "DSP": 0, "BRAM_18K": 1},
            },
        }
        for dsp in (4, 5)
    ]
    found = finn_library.verdict(rows)
    assert found["mvau_dsp"] == {"largest_share": 0.75, "above": [], "above_dsp": ["5 DSPs"], "above_bram": ["4 DSPs"]}
    assert found["swg"] == {"largest_share": 1.0, "above": [], "above_dsp": [], "above_bram": []}
