"""Workers: a local Dask cluster with one process of one thread on each core, a scheduler that is already there, or jobs
of a batch system."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dask
import psutil
from distributed import Client, LocalCluster, Worker, WorkerPlugin

from flows.console import console
from flows.errors import ConfigError, FlowError
from flows.files import write_text
from flows.sweep import batch, guardian, work
from flows.sweep.memory import KEEP_MEMORY
from flows.sweep.workers import JOBS, Workers

CONNECT_SECONDS = 15
# A worker takes no second task while one runs, so that "running" is what runs. Workers may start processes of tools.
# A task whose worker died is run again once: the second time it is the task that kills workers.
SETTINGS = {
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.scheduler.allowed-failures": 1,
    "distributed.worker.daemon": False,
    "distributed.comm.timeouts.connect": f"{CONNECT_SECONDS}s",
    **{f"distributed.nanny.pre-spawn-environ.{name}": value for name, value in KEEP_MEMORY.items()},
}


LOCAL_RESOURCES = {"GPU": 1, "VIVADO": 1}
"""Tags of each local worker: what there is on this machine is all workers' to use."""


class Guarded(WorkerPlugin):
    """Tools end with the worker that started them, even where it is killed."""

    name = "a2qflow-guarded"

    def setup(self, worker: Worker) -> None:
        """Called in a worker's process when it starts, or is started again."""
        guardian.start()


class OneCore(WorkerPlugin):
    """Ties a local worker, and every tool that it starts, to one core of its own; Ctrl-C is for the client alone."""

    name = "a2qflow-one-core"

    def setup(self, worker: Worker) -> None:
        """Called in the main thread of a worker's process when it starts, or is started again."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[int(str(worker.name)) % len(cores)]})


@contextmanager
def connect(workers: Workers, out: Path) -> Iterator[Client]:
    """A client of those workers; workers of our own, and jobs, end with the block.

    Local workers and every process they started are gone after the block, however it is left. Raises ConfigError when
    no scheduler answers, or its workers do not see `out` and the same code.
    """
    workers.check()
    with dask.config.set(SETTINGS):
        if workers.scheduler is None:
            opened = _local(workers.count)
        elif workers.batch:
            opened = _batch(workers, out)
        else:
            opened = _remote(workers.scheduler, out)
        with opened as client:
            client.register_plugin(Guarded())
            yield client


def require(client: Client, needed: Mapping[str, int]) -> None:
    """Raises ConfigError where no worker offers what tasks need: they would wait for ever."""
    offered: dict[str, Mapping[str, float]] = client.run(_resources) if needed else {}
    for name, count in needed.items():
        if not any(found.get(name, 0) >= count for found in offered.values()):
            raise ConfigError(
                f"no worker offers {name}; start one with --resources {name}={count} (jobs: --job "
                f"resources={name}={count})"
            )


def _resources(dask_worker: Worker) -> dict[str, float]:
    return dict(dask_worker.state.total_resources)


@contextmanager
def _local(count: int | None) -> Iterator[Client]:
    warnings.filterwarnings("ignore", message=r"Port \d+ is already in use")  # of a page that nobody asked for
    cluster = LocalCluster(  # type: ignore[no-untyped-call]
        n_workers=count or len(os.sched_getaffinity(0)), threads_per_worker=1, processes=True, memory_limit=0,
        dashboard_address=None, silence_logs=logging.CRITICAL, resources=LOCAL_RESOURCES,
    )  # fmt: skip
    try:
        with Client(cluster) as client:  # type: ignore[no-untyped-call]
            client.register_plugin(OneCore())
            yield client
    finally:
        # Tools run in sessions of their own: neither Ctrl-C nor the end of a worker reaches them.
        processes = [process for nanny in cluster.workers.values() for process in _with_children(nanny.pid)]
        with contextlib.suppress(Exception):
            cluster.close(timeout=CONNECT_SECONDS)
        _kill(processes)


def _with_children(pid: int | None) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        if pid is not None:
            process = psutil.Process(pid)
            return [process, *process.children(recursive=True)]
    return []


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:  # psutil knows a process by its start time too: never a stranger with the same number
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=CONNECT_SECONDS)


@contextmanager
def _remote(address: str, out: Path) -> Iterator[Client]:
    try:
        client = Client(address, timeout=CONNECT_SECONDS)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise ConfigError(f"--scheduler {address}: no Dask scheduler answers there ({error})") from None
    with client:
        _check(client, address, out)
        yield client


@contextmanager
def _batch(workers: Workers, out: Path) -> Iterator[Client]:
    count, system = workers.count or JOBS, str(workers.scheduler)
    cluster = batch.cluster(system, workers.job, out)
    try:
        write_text(out / "jobs" / "job.sh", cluster.job_script())
        cluster.scale(count)
        console.print(f"{count} jobs submitted to {system} (script: {out / 'jobs' / 'job.sh'}); waiting for the first")
        with Client(cluster) as client:  # type: ignore[no-untyped-call]
            client.wait_for_workers(1)  # a queue may take hours; Ctrl-C cancels the jobs
            _check(client, system, out)
            yield client
    finally:
        with contextlib.suppress(Exception):
            cluster.close(timeout=CONNECT_SECONDS)


def _check(client: Client, address: str, out: Path) -> None:
    """Raises ConfigError, FlowError where the scheduler's workers are not like this process."""
    try:
        found: dict[str, Any] = client.run(work.ready, out)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"--scheduler {address}: {error.name} cannot be imported on its workers; start them in the project's "
            "folder with its environment (PYTHONPATH=. dask worker …)"
        ) from None
    if not found:
        raise ConfigError(f"--scheduler {address}: it has no workers yet (dask worker {address} --nthreads 1)")
    expected = work.ready(out)
    for worker, (digest, sees) in found.items():
        if not sees:
            raise FlowError(f"worker {worker} does not see the folder {out}: all machines must share it")
        if digest != expected[0]:
            raise FlowError(f"worker {worker} has another version of the project's code than this machine")
