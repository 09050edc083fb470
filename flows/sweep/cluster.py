"""Workers: a local Dask cluster with one process of one thread on each core, or a scheduler that is already there."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dask
import psutil
from distributed import Client, LocalCluster, Worker, WorkerPlugin

from flows.errors import ConfigError, FlowError
from flows.sweep import work
from flows.sweep.memory import KEEP_MEMORY

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


class OneCore(WorkerPlugin):
    """Ties a local worker, and every tool that it starts, to one core of its own; Ctrl-C is for the client alone."""

    def setup(self, worker: Worker) -> None:
        """Called in the main thread of a worker's process when it starts, or is started again."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[int(str(worker.name)) % len(cores)]})


@contextmanager
def connect(scheduler: str | None, out: Path) -> Iterator[Client]:
    """A client of the scheduler at that address, or of a new local cluster that ends with the block.

    Local workers and every process they started are gone after the block, however it is left. Raises ConfigError when
    no scheduler answers, or its workers do not see `out` and the same code.
    """
    with dask.config.set(SETTINGS):
        if scheduler is None:
            with _local() as client:
                yield client
        else:
            with _remote(scheduler, out) as client:
                yield client


@contextmanager
def _local() -> Iterator[Client]:
    cores = len(os.sched_getaffinity(0))
    cluster = LocalCluster(  # type: ignore[no-untyped-call]
        n_workers=cores, threads_per_worker=1, processes=True, dashboard_address=None, memory_limit=0,
        silence_logs=logging.CRITICAL,
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
        yield client
