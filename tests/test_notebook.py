"""docs/accumulator_study.ipynb: a small study by its own code; slow: as it stands."""

from __future__ import annotations

import csv
import json
import os
import re
from pathlib import Path

import pytest

from docs import notebook
from flows.errors import ConfigError, ToolFailed

NOTEBOOK = Path(__file__).parents[1] / "docs" / "accumulator_study.ipynb"
TINY = """
name: tiny
label_select: true
train: {model: mlp, hidden: [12], constrain_last: true, last_layer_weight_bits: 4, float_epochs: 1, epochs: 1,
        batch_size: 128, label_select: true, seed: 3}
"""

pytestmark = pytest.mark.xdist_group("sweep")


def test_it_is_a_notebook_without_traces_of_a_machine() -> None:
    content = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    cells = notebook.cells(NOTEBOOK)
    assert content["nbformat_minor"] >= 5 and len({cell["id"] for cell in cells}) == len(cells)
    assert sum("parameters" in cell["metadata"].get("tags", []) for cell in cells) == 1
    compile(notebook.code(NOTEBOOK), str(NOTEBOOK), "exec")
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert not re.search(r"/(home|root|tmp|work|usr)/", text)
    # What it shows is what its code gave, from the first cell to the last.
    counts = [cell["execution_count"] for cell in cells if cell["cell_type"] == "code"]
    assert counts in ([*range(1, len(counts) + 1)], [None] * len(counts))


def test_a_small_study_runs(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "tiny.yaml").write_text(TINY, encoding="utf-8")
    settings = [
        f"CONFIG = {str(tmp_path / 'tiny.yaml')!r}", f"OUT = {str(tmp_path / 'out')!r}", "BITS = (8, 11)",
        "METHODS = ('a2q+',)",
    ]  # fmt: skip
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})  # one worker: two would import PyTorch twice
    try:
        notebook.run(NOTEBOOK, settings)
    finally:
        os.sched_setaffinity(0, cores)
    said = capfd.readouterr().out
    assert "P =  8: ‖q‖₁ ≤    16 (A2Q+),     7 (A2Q)" in said, "(2^8 − 2) / 15 and (2^7 − 1) / 16, rounded down"
    with (tmp_path / "out" / "results.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["method"], row["accumulator_bits"], row["seed"]) for row in rows] == [
        ("a2q+", "8", "3"), ("a2q+", "11", "3")
    ]  # fmt: skip
    for row in rows:
        training = json.loads((tmp_path / "out" / row["folder"] / "train" / "training.json").read_text("utf-8"))
        needed = [layer["exact_bits"] for layer in training["layers"]]
        assert f"P = {row['accumulator_bits']:>2}, seed 3: needs {needed} bits" in said
    assert {p.name for p in (tmp_path / "out").glob("*.png")} == {
        "accuracy_by_width_N4.png", "sparsity_by_width_N4.png"
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_it_runs_as_it_stands(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    notebook.run(NOTEBOOK, [f"OUT = {str(tmp_path / 'out')!r}"])
    with (tmp_path / "out" / "results.csv").open(newline="") as stream:
        found = {(row["method"], row["accumulator_bits"]): float(row["quant_metric"]) for row in csv.DictReader(stream)}
    assert len(found) == 15 and max(found, key=lambda key: found[key]) != ("a2q", "7")
    assert found["a2q+", "8"] > found["a2q", "8"] and found["a2q+", "7"] < found["a2q+", "12"]


@pytest.mark.parametrize(
    ("setting", "said"),
    [("SEED = 5", "no parameter 'SEED', but CONFIG, BITS"), ("SEEDS", "is no setting"), ("SEEDS = f()", "no setting"),
     ("SEEDS = 1; x = 2", "no setting"), ("SEEDS =", "no setting")],
)  # fmt: skip
def test_a_wrong_setting_is_refused(setting: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        notebook.code(NOTEBOOK, [setting])


def test_a_failing_cell_and_a_file_that_is_no_notebook(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    cell = {"cell_type": "code", "source": ["print('before')\n", "raise SystemExit(3)"], "metadata": {}}
    (tmp_path / "bad.ipynb").write_text(json.dumps({"nbformat": 4, "cells": [cell]}), encoding="utf-8")
    with pytest.raises(ToolFailed, match=r"bad\.ipynb ended with 3"):
        notebook.run(tmp_path / "bad.ipynb")
    assert "before" in capfd.readouterr().out
    (tmp_path / "no.ipynb").write_text("[]", encoding="utf-8")
    assert notebook.main([str(tmp_path / "no.ipynb")]) == 2 and notebook.main([]) == 2
