"""Sweeps that build: equal to single builds, shared work done once, killed at any moment, searched."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

import build
from flows.files import file_digest
from tests.sweep.helpers import TINY, running, same, scheduler_and_workers, start, table, wait_for

GRID = ("--accumulator-bits", "8,11", "--policies", "exact", "--boards", "pynq-z2,pynq-z1", "--set", "verify_frames=20")
POINTS = [f"a2q+_P{p}_exact_{board}_seed3" for board in ("pynq-z2", "pynq-z1") for p in (8, 11)]
TOOLS = ("verilator_bin", "g++", "cc1plus", "sim", "yosys_worker.py")

# Each test runs sweeps of four builds with empty caches, perhaps beside other tests.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("sweep"), pytest.mark.timeout(2400)]


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("builds") / "tiny.yaml"
    path.write_text(TINY)
    return path


@pytest.fixture(scope="module")
def swept(config: Path) -> Path:
    """The small sweep, run once without being disturbed."""
    out = config.parent / "out"
    assert build.main(["sweep", str(config), *GRID, "-o", str(out)]) == 0
    return out


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Tools have to run: nothing is remembered from before."""
    monkeypatch.setenv("A2QFLOW_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def summary(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "report" / "summary.json").read_text()))


def test_every_point_is_verified_and_a_point_is_what_run_gives_alone(swept: Path, config: Path) -> None:
    rows = table(swept)
    assert [Path(r["folder"]).name for r in rows] == POINTS and {r["verified"] for r in rows} == {"true"}
    alone = config.parent / "alone"
    settings = ("train.accumulator_bits=8", "accumulator_policy=exact", "verify_frames=20", "compare_policies=[]")
    arguments = [word for setting in settings for word in ("--set", setting)]
    assert build.main(["run", str(config), "-o", str(alone), *arguments]) == 0
    point = swept / "points" / POINTS[0]
    for folder in ("rtl", "train", "deploy", "stitched_ip", "intermediate_models"):
        assert file_digest(alone / folder) == file_digest(point / folder), folder
    ours, theirs = summary(alone), summary(point)
    for name in ("layers", "verification", "performance", "resources", "accumulator_comparison"):
        assert ours[name] == theirs[name], name
    row = rows[0]
    assert int(row["LUT"]) == ours["resources"]["yosys"]["total"]["LUT"]
    assert float(row["interval_cycles"]) == ours["performance"]["interval_cycles"]


def test_what_points_share_is_done_once(swept: Path) -> None:
    assert len(list((swept / "float").glob("*/float.pt"))) == 1
    assert sorted(p.name for p in (swept / "trainings").iterdir()) == [f"a2q+_P{p}_seed3_train" for p in (11, 8)]
    for name in POINTS:
        log = (swept / "points" / name / "point.log").read_text()
        for step in ("train", "frontend", "golden"):
            assert f"{step:<13} reused" in log, (name, step)
    for step in ("rtl_layers", "rtl_stitched", "synthesize"):
        logs = [(swept / "points" / name / "point.log").read_text() for name in POINTS]
        ran = sum(f"{step:<13} \n" in log for log in logs)
        taken = sum(f"{step:<13} another build ran it" in log for log in logs)
        assert ran + taken == len(POINTS) and ran == len(list((swept / "shared").glob(f"{step}_*.json"))), step
        assert taken >= 2, "the boards have the same FPGA, so that the hardware is the same"


def _tools_of(process: psutil.Process) -> list[psutil.Process]:
    found = []
    for child in process.children(recursive=True):
        try:
            if any(Path(word).name in TOOLS for word in child.cmdline()[:3]):
                found.append(child)
        except psutil.Error:
            continue
    return found


@pytest.mark.parametrize("attempt", [0, 1])
def test_a_sweep_killed_at_a_random_moment_ends_with_the_same_table(
    swept: Path, config: Path, tmp_path: Path, cache: Path, attempt: int
) -> None:
    out, moment = tmp_path / "out", random.Random()
    command = ["build.py", "sweep", str(config), *GRID, "-o", str(out)]
    process = start(*command)
    root = psutil.Process(process.pid)
    if attempt:  # in the middle of a tool
        wait_for(lambda: _tools_of(root), 300)
    else:
        wait_for((out / "float").exists, 300)
        time.sleep(moment.uniform(0, 20))
    children = root.children(recursive=True)
    process.kill()
    process.wait()
    wait_for(lambda: not running(children), 60)
    assert not (out / "results.csv").exists() or len(table(out)) == len(POINTS), "a table is complete, or not there"
    again = start(*command)
    text, _ = again.communicate(timeout=900)
    assert again.returncode == 0, text
    assert same(table(out)) == same(table(swept))


def test_a_killed_worker_costs_one_point_at_most(swept: Path, config: Path, tmp_path: Path, cache: Path) -> None:
    out = tmp_path / "out"
    process = start("build.py", "sweep", str(config), *GRID, "-o", str(out))
    root = psutil.Process(process.pid)
    wait_for(lambda: list((out / "points").glob("*/sim")) and _tools_of(root), 300)
    tool = _tools_of(root)[0]
    worker = next(p for p in tool.parents() if "multiprocessing" in " ".join(p.cmdline()))
    done = {p.parent.name: p.stat().st_mtime_ns for p in (out / "points").glob("*/result.json")}
    tools = _tools_of(worker)
    worker.kill()
    wait_for(lambda: not running(tools), 60)
    text, _ = process.communicate(timeout=900)
    assert process.returncode == 0, text
    assert same(table(out)) == same(table(swept))
    for name, when in done.items():
        assert (out / "points" / name / "result.json").stat().st_mtime_ns == when, "finished points stay"


def test_a_scheduler_and_two_workers_of_their_own_give_the_same_table(
    swept: Path, config: Path, tmp_path: Path, cache: Path
) -> None:
    out = tmp_path / "out"
    with scheduler_and_workers(tmp_path) as address:
        command = ["sweep", str(config), *GRID, "--scheduler", address]
        end = time.monotonic() + 120
        while (code := build.main([*command, "-o", str(out)])) == 2 and time.monotonic() < end:
            time.sleep(1)  # no workers yet
        assert code == 0
    assert same(table(out)) == same(table(swept))


def test_a_network_trained_elsewhere_is_swept_without_any_training(
    swept: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "given.yaml", tmp_path / "out"
    model = swept / "points" / POINTS[0] / "train"
    path.write_text(f"name: tiny\nlabel_select: true\ntarget_fps: 50000\nverify_frames: 20\nmodel: {model}\n")
    assert build.main(["sweep", str(path), "--policies", "exact", "-o", str(out)]) == 0
    assert not (out / "float").exists() and not list(out.glob("trainings/*/train"))
    row, reference = table(out)[0], table(swept)[0]
    for key in ("method", "accumulator_bits", "policy", "quant_metric", "LUT", "FF", "interval_cycles", "verified"):
        assert row[key] == reference[key], key
    # Of the hardware's matrices here, of the network's layers there.
    assert float(row["sparsity"]) == pytest.approx(float(reference["sparsity"]), abs=0.02)


def test_a_search_prunes_bad_points_and_finds_the_smallest_good_one(
    config: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    wanted = "min LUT where accuracy >= 0.9*float and interval_cycles < 1000000"
    command = ["sweep", str(config), "--accumulator-bits", "7,11", "--optimize", wanted, "--trials", "9",
               "--set", "train.hidden=[12, 12]", "--set", "verify_frames=20", "--set", "train.epochs=6",
               "--set", "train.float_epochs=20"]  # fmt: skip
    assert build.main([*command, "-o", str(tmp_path / "out")]) == 0
    printed = capfd.readouterr().out
    rows = table(tmp_path / "out")
    assert len(rows) == 4 and {r["accumulator_bits"] for r in rows} == {"7", "11", ""}, "two layers of two widths"
    good = [r for r in rows if float(r["quant_metric"]) >= 0.9 * float(r["float_metric"])]
    for r in rows:
        built = r in good
        assert (r["pruned"] == "") == built and (r["LUT"] != "") == built and (r["verified"] == "true") == built
    if good:
        smallest = min(good, key=lambda r: int(r["LUT"]))
        assert f"best: {Path(smallest['folder']).name}" in printed
    assert "4 of 4 points tried" in printed
    again = build.main([*command, "-o", str(tmp_path / "out")])
    assert again == 0 and "4 points, 4 of them reused" in capfd.readouterr().out
    assert table(tmp_path / "out") == rows
