"""The job script that dask-jobqueue would hand to SLURM, PBS or LSF; options that make no sense."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import dask_jobqueue
import pytest

import build
from flows.errors import ConfigError
from flows.sweep import batch
from flows.sweep.memory import KEEP_MEMORY
from tests.sweep.helpers import TINY, same, table, wait_for

OPTIONS = (
    "queue=long", "account=me", "walltime=02:00:00", "memory=6GiB", "directive=--licenses=vivado:1",
    "prologue=module load vivado/2024.2", "resources=VIVADO=1,GPU=1",
)  # fmt: skip


def script(system: str, out: Path, options: tuple[str, ...] = OPTIONS) -> str:
    """Of the job class itself, which needs neither a scheduler nor a batch system."""
    made = batch.settings(system, options, out)
    made.pop("scheduler_options")
    cluster = getattr(dask_jobqueue, batch.SYSTEMS[system])
    return str(cluster.job_cls(scheduler="tcp://head:8786", name="worker", **made).job_script())


def test_slurm_is_asked_for_one_core_and_runs_one_worker_of_this_project(tmp_path: Path) -> None:
    lines = script("slurm", tmp_path).splitlines()
    assert lines[0].startswith("#!")
    directives = [line.removeprefix("#SBATCH ") for line in lines if line.startswith("#SBATCH")]
    for wanted in ("-p long", "-A me", "-t 02:00:00", "--cpus-per-task=1", "--mem=6G", "--licenses=vivado:1", "-n 1"):
        assert wanted in directives, wanted
    assert f"-e {tmp_path}/jobs/a2qflow-%J.err" in directives
    commands = [line for line in lines if line and not line.startswith("#")]
    assert commands[0] == f"cd {batch.ROOT}" and commands[1] == f"export PYTHONPATH={batch.ROOT}"
    assert [f"export {name}={value}" in commands for name, value in KEEP_MEMORY.items()] == [True] * len(KEEP_MEMORY)
    assert commands[-2] == "module load vivado/2024.2"
    worker = commands[-1]
    assert worker.startswith(f"{sys.executable} -m distributed.cli.dask_worker tcp://head:8786 ")
    assert "--nthreads 1" in worker and "--nanny" in worker and "--memory-limit 6.00GiB" in worker
    assert worker.endswith("--resources 'VIVADO=1 GPU=1'")
    checked = subprocess.run(["bash", "-n"], input="\n".join(lines), text=True, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize(("system", "queue", "account"), [("pbs", "-q long", "-A me"), ("lsf", "-q long", '-P "me"')])
def test_other_systems_have_their_own_directives(tmp_path: Path, system: str, queue: str, account: str) -> None:
    text = script(system, tmp_path)
    prefix = {"pbs": "#PBS", "lsf": "#BSUB"}[system]
    assert f"{prefix} {queue}" in text and f"{prefix} {account}" in text and "dask_worker tcp://head:8786" in text


def test_a_folder_with_spaces_stays_one_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "ROOT", Path("/some where"))
    assert "cd '/some where'" in script("slurm", tmp_path, ())


@pytest.mark.parametrize(
    ("option", "said"), [("queu=x", "did you mean 'queue'"), ("queue", "KEY=VALUE"), ("queue=", "KEY=VALUE")]
)
def test_a_wrong_option_is_named(tmp_path: Path, option: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        batch.settings("slurm", [option], tmp_path)


SBATCH = """#!/bin/bash
echo "$PWD" >> {folder}/submitted
setsid bash "$1" >> {folder}/job.log 2>&1 &
echo "Submitted batch job $!"
"""
SCANCEL = """#!/bin/bash
for job; do kill -TERM -- "-$job"; echo "$job" >> {folder}/cancelled; done
"""


@pytest.mark.slow
def test_a_sweep_runs_on_jobs_that_are_cancelled_at_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`sbatch` and `scancel` stand in for SLURM's: they run and end the job script on this machine."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, text in (("sbatch", SBATCH), ("scancel", SCANCEL)):
        (tools / name).write_text(text.format(folder=tmp_path))
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "tiny.yaml").write_text(TINY)
    out = tmp_path / "out"
    grid = ("--accumulator-bits", "8,11", "--stop-step", "train")
    command = ["sweep", str(tmp_path / "tiny.yaml"), *grid, "-o", str(out)]
    assert build.main([*command, "--scheduler", "slurm", "--workers", "2", "--job", "interface=lo"]) == 0
    assert [r["error"] for r in table(out)] == ["", ""] and "#SBATCH" in (out / "jobs" / "job.sh").read_text()
    submitted = (tmp_path / "submitted").read_text().splitlines()
    wait_for(lambda: len((tmp_path / "cancelled").read_text().splitlines()) == len(submitted), 60)
    assert build.main(["sweep", str(tmp_path / "tiny.yaml"), *grid, "-o", str(tmp_path / "local")]) == 0
    assert same(table(out)) == same(table(tmp_path / "local"))
