"""A sweep small enough for tests, its commands as processes, and its table."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
TINY = """
name: tiny
label_select: true
target_fps: 50000
train: {model: mlp, hidden: [12], constrain_last: true, last_layer_weight_bits: 4, float_epochs: 2, epochs: 2,
        batch_size: 128, label_select: true, seed: 3}
"""


def start(*arguments: str) -> subprocess.Popen[str]:
    """`python ARGUMENTS` in a session of its own, both outputs to one pipe."""
    return subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT, env={**os.environ, "PYTHONPATH": _path()}, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def _path() -> str:
    return os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])


def wait_for(condition: Callable[[], object], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.1)


@contextlib.contextmanager
def scheduler_and_workers(folder: Path, workers: int = 2) -> Iterator[str]:
    """The address of `dask scheduler`, which `dask worker`s of one thread each join when they have started."""
    address = folder / "scheduler.json"
    processes = [start("-m", "dask", "scheduler", "--scheduler-file", str(address), "--port", "0", "--no-dashboard")]
    try:
        wait_for(address.exists)
        processes += [
            start("-m", "dask", "worker", "--scheduler-file", str(address), "--nthreads", "1", "--no-dashboard",
                  "--local-directory", str(folder / "work"))
            for _ in range(workers)
        ]  # fmt: skip
        yield json.loads(address.read_text())["address"]
    finally:
        for process in processes:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=60)


def running(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that have not ended; a zombie has."""
    return [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def table(out: Path) -> list[dict[str, str]]:
    with (out / "results.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def same(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """A table without what differs from run to run: how long it took."""
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]
