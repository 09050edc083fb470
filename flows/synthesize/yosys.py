"""Resources by Yosys: jobs to counts, each job out of context, in child processes, remembered by content.

Run as `synth_xilinx -noiopad -noclkbuf -nodsp -flatten`: LUTs are neither packed in pairs nor is carry logic shared
between layers, so a vendor's tool ends somewhat lower; the figures are for comparing designs.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from flows.design import Design, Instance
from flows.errors import ToolFailed, ToolMissing
from flows.files import write_json, write_text
from flows.synthesize import cache
from flows.synthesize.cells import Counts, add, count
from flows.synthesize.jobs import Job, design_jobs
from flows.synthesize.yosys_worker import COMMANDS, PATH, SPLIT

WORKER = Path(__file__).with_name("yosys_worker.py")
BATCH, LOG, JOBS = "batch.json", "yosys.log", "jobs"
STALL_SECONDS = 900.0
Advance = Callable[[str, int, int], None]
"""advance(what is being done, done, total)"""
Cells = Mapping[str, int]
"""{cell type: number}, and PATH."""


@dataclass(frozen=True)
class Result:
    """Resources of one job; `cached`: known from before, Yosys did not run for it.

    `path_ns`: the latest arrival at a register or an output, in ns, by Yosys' `sta` with the delays that its library
    gives the cells of the 7 series, those of another family too. An estimate: wires have none, and as a rule of thumb
    they take as much again.
    """

    name: str
    counts: Counts
    cached: bool
    path_ns: float


@dataclass(frozen=True)
class LayerResources:
    """Resources of one instance; `impl` is its RTL module, `path_ns` as in `Result`."""

    name: str
    impl: str
    counts: Counts
    path_ns: float


@dataclass(frozen=True)
class Resources:
    """Resources of a design; `scope` says whether `total` is of the stitched design or the sum of the layers."""

    family: str
    scope: str
    total: Counts
    layers: tuple[LayerResources, ...]


def version() -> str:
    """Version of the pyosys wheel, such as 0.70. Raises ToolMissing where it is not installed."""
    if importlib.util.find_spec("pyosys") is None:
        raise ToolMissing("Yosys is not installed; run `make install` (the PyPI package is called pyosys)")
    return importlib.metadata.version("pyosys")


def design_resources(
    designs: Mapping[str, Design], family: str, folder: Path, advance: Advance | None = None
) -> dict[str, Resources]:
    """Resources of every design (say, one a policy), as sums of their layers; what they share is synthesized once.

    Raises ToolMissing, ToolFailed as `synthesize` does.
    """
    jobs = {name: design_jobs(design) for name, design in designs.items()}
    results = iter(synthesize([job for many in jobs.values() for job in many], family, folder, advance=advance))
    resources = {}
    for name, design in designs.items():
        layers = tuple(_layer(i, next(results)) for i in design.instances)
        resources[name] = Resources(family, "sum of layers", add(layer.counts for layer in layers), layers)
    return resources


def _layer(instance: Instance, result: Result) -> LayerResources:
    return LayerResources(instance.name, instance.module, result.counts, result.path_ns)


def total(design: Design, family: str, folder: Path, advance: Advance | None = None) -> Resources:
    """Resources of one design as the sum of its layers."""
    return design_resources({design.name: design}, family, folder, advance)[design.name]


def synthesize(
    jobs: Sequence[Job],
    family: str,
    folder: Path,
    *,
    advance: Advance | None = None,
    processes: int | None = None,
    stall_seconds: float = STALL_SECONDS,
) -> tuple[Result, ...]:
    """Resources of `jobs`, in their order, for Yosys' `family` ("xc7" or "xcup").

    `folder` keeps sources and logs of what ran; `processes` run at a time (default: one a core). Raises ToolMissing
    without pyosys; ToolFailed, naming job and log, when Yosys fails or its log stands still for `stall_seconds`, or
    when the netlist holds a cell that nobody counts.
    """
    found = _cells(jobs, family, folder, advance or (lambda what, done, total: None), processes, stall_seconds)
    return tuple(
        Result(job.name, count(_without_path(cells), job.name), cached, cells.get(PATH, 0) / 1000)
        for job, (cells, cached) in zip(jobs, found, strict=True)
    )


def _without_path(cells: Cells) -> Cells:
    return {cell: number for cell, number in cells.items() if cell != PATH}


def by_kind(
    jobs: Sequence[Job], family: str, folder: Path, *, advance: Advance | None = None, processes: int | None = None
) -> tuple[dict[str, Counts], ...]:
    """{kind: resources} of jobs that tell kinds apart (`flows.synthesize.kinds.split_job`), "other" for the rest.

    Arguments and errors as `synthesize`.
    """
    found = _cells(jobs, family, folder, advance or (lambda what, done, total: None), processes, STALL_SECONDS)
    return tuple(_kinds(job, cells) for job, (cells, _) in zip(jobs, found, strict=True))


def _kinds(job: Job, cells: Cells) -> dict[str, Counts]:
    parts: dict[str, dict[str, int]] = {kind: {} for kind in (*job.kinds, "other")}
    for name, number in cells.items():
        kind, _, cell = name.rpartition("/")
        parts[kind or "other"][cell] = number
    return {kind: count(part, job.name) for kind, part in parts.items()}


def _cells(
    jobs: Sequence[Job], family: str, folder: Path, report: Advance, processes: int | None, stall_seconds: float
) -> list[tuple[Cells, bool]]:
    """The cells of every job, and whether they were known from before."""
    tool = version()
    keys = [cache.key(job, family, tool, COMMANDS + SPLIT if job.kinds else COMMANDS) for job in jobs]
    distinct = dict(zip(keys, jobs, strict=True))
    known = {key: cells for key in distinct if (cells := cache.load(key)) is not None}
    cached = frozenset(known)
    pending = {key: job for key, job in distinct.items() if key not in known}
    report("", len(known), len(distinct))
    results = cache.places(pending)
    with closing(
        run_jobs(pending, family, folder, processes or len(os.sched_getaffinity(0)), stall_seconds, results)
    ) as finished:
        for key, cells in finished:
            cache.store(key, distinct[key], cells)
            known[key] = cells
            report(distinct[key].name, len(known), len(distinct))
    return [(known[key], key in cached) for key in keys]


def run_jobs(
    jobs: Mapping[str, Job], family: str, folder: Path, processes: int, stall_seconds: float,
    results: Mapping[str, Path] | None = None,
) -> Generator[tuple[str, Cells], None, None]:  # fmt: skip
    """Synthesizes `jobs` {key: job}; gives (key, {cell type: number}) as they finish. Raises as `synthesize` does.

    Sources, logs, `cells.json` and `netlist.v` are left in `folder`/jobs/NUMBER_NAME. `results`: {key: file of the
    cache, made by whoever iterates}; jobs that have one are shared out among processes that run them at the same time.
    """
    if not jobs:
        return
    # Text to read (parameters, memories) says little of the work, but nothing better is known; the longest first.
    keys = sorted(jobs, key=lambda key: (-sum(len(text) for text in jobs[key].files.values()), key))
    shared = [(results or {}).get(key) for key in keys]
    folders = _write(folder, [jobs[key] for key in keys], family, processes, shared)
    unfinished = dict.fromkeys(range(len(keys)))
    watch = _Watch()
    with _worker(folder) as process:
        for event in _events(process):
            if event is None:
                stalled = next((i for i in watch.running if watch.stalled(i) > stall_seconds), None)
                if stalled is not None:
                    name, log = jobs[keys[stalled]].name, folders[stalled] / LOG
                    raise ToolFailed(f"Yosys wrote nothing for {stall_seconds:.0f} s on {name}; log: {log}")
            elif event[0] == "start":
                watch.start(event[1], folders[event[1]] / LOG)
            elif event[0] == "known":
                del unfinished[event[1]]
                cells = cache.load(keys[event[1]])
                if cells is None:
                    raise ToolFailed(f"{shared[event[1]]} is damaged; remove it")
                yield keys[event[1]], cells
            else:
                _, index, status = event
                watch.running.pop(index)
                if status:
                    raise ToolFailed(_failure(jobs[keys[index]].name, folders[index] / LOG, status))
                del unfinished[index]
                yield keys[index], json.loads((folders[index] / "cells.json").read_text(encoding="utf-8"))
        if unfinished:
            raise ToolFailed(_failure("its own cell library", folder / "library.log", process.wait()))


def _write(
    folder: Path, jobs: Sequence[Job], family: str, processes: int, results: Sequence[Path | None]
) -> list[Path]:  # fmt: skip
    """Writes what the worker reads; returns the jobs' folders. Those of earlier runs go."""
    shutil.rmtree(folder / JOBS, ignore_errors=True)
    folders, listed = [], []
    for index, (job, result) in enumerate(zip(jobs, results, strict=True)):
        place = Path(JOBS) / re.sub(r"\W+", "_", f"{index:03d}_{job.name}")
        for path, text in job.files.items():
            write_text(folder / place / path, text)
        sources = [str(path) for path in job.files if path.suffix == ".sv"]
        kinds = {kind: list(selections) for kind, selections in job.kinds.items()}
        listed.append({
            "name": job.name, "folder": str(place), "top": job.top, "arguments": [*job.options, *sources],
            "kinds": kinds, **({"result": str(result.resolve())} if result else {}),
        })  # fmt: skip
        folders.append(folder / place)
    write_json(folder / BATCH, {"family": family, "processes": processes, "jobs": listed})
    (folder / JOBS / "tmp").mkdir()
    return folders


@contextmanager
def _worker(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The worker on `folder`; it and its children are killed when the block is left, however it is left."""
    # A session of its own: Ctrl-C reaches this process alone, and the children can be killed as a group.
    process = subprocess.Popen(
        [sys.executable, "-P", str(WORKER), str(folder / BATCH)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str((folder / JOBS / "tmp").resolve())}, start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def _events(process: subprocess.Popen[bytes]) -> Iterator[tuple[str, int, int] | None]:
    """("start", index, 0), ("end", index, exit code), ("known", index, 0); None now and then while nothing happens."""
    assert process.stdout is not None
    pipe, text = process.stdout.fileno(), b""
    while True:
        if not select.select([pipe], [], [], 0.25)[0]:
            yield None
            continue
        data = os.read(pipe, 65536)
        if not data:
            return
        *lines, text = (text + data).split(b"\n")
        for line in lines:
            what, *numbers = line.decode("ascii").split()
            index, status = (*map(int, numbers), 0)[:2]
            yield what, index, status


@dataclass
class _Watch:
    """When the logs of the running jobs last grew."""

    running: dict[int, tuple[Path, int, float]] = field(default_factory=dict)

    def start(self, index: int, log: Path) -> None:
        self.running[index] = (log, -1, time.monotonic())

    def stalled(self, index: int) -> float:
        """Seconds since the log of job `index` last grew."""
        log, known, since = self.running[index]
        size = log.stat().st_size if log.exists() else 0
        if size != known:
            self.running[index] = (log, size, time.monotonic())
            return 0.0
        return time.monotonic() - since


def _failure(name: str, log: Path, code: int) -> str:
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    reason = next((line for line in lines if "ERROR:" in line), lines[-1] if lines else f"exit code {code}")
    if code < 0:
        reason = f"killed by {signal.Signals(-code).name}; out of memory?"
    return f"Yosys failed on {name}: {reason}; log: {log}"
