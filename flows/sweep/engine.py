"""The sweep's tasks on Dask: float pre-trainings, then trainings, then builds, each shared piece of work once.

A task that needs what not every worker has asks for it by Dask's resource tags: `GPU` (training with device: cuda) and
`VIVADO` (a bitstream: one licence).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from distributed import Client, Future, KilledWorker, as_completed

from a2qplus_train.config import TrainConfig
from a2qplus_train.float_part import float_part
from flows.config import BuildConfig
from flows.files import digest
from flows.sweep import work
from flows.sweep.objective import Objective
from flows.sweep.plan import Point, at

Done = Callable[[work.Outcome], None]


def needs(config: BuildConfig, stop: str | None) -> dict[str, int]:
    """The resource tags that a worker must offer for a task."""
    found = {"GPU": 1} if config.train is not None and config.train.device == "cuda" and stop is not None else {}
    return found | ({"VIVADO": 1} if stop is None and "bitfile" in config.generate_outputs else {})


@dataclass
class Engine:
    """`stop` as in `Request.stop_step`; `out` is the sweep's folder, which every worker must see."""

    client: Client
    out: Path
    stop: str | None
    sources: work.Sources = field(default_factory=work.sources)
    _futures: dict[str, Future[work.Outcome]] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)

    def run(self, points: Sequence[Point], done: Done, require: Objective | None = None) -> None:
        """Runs every point and what it needs; `done` gets the outcome of each task, by name, as it ends.

        Called again it runs further points. `require`: what a point's training must meet before it is built.
        """
        before = set(self._futures)
        for point in points:
            self._submit_point(point, require)
        new = [future for name, future in self._futures.items() if name not in before]
        for future in as_completed(new):  # type: ignore[no-untyped-call]
            name = self._names[future.key]
            if future.status == "finished":
                done(future.result())
            else:
                done(work.Outcome(name, _reason(future)))

    def _submit_point(self, point: Point, require: Objective | None) -> None:
        before, checkpoint = self._pretraining(point.training) if point.training is not None else (None, None)
        if self.stop == "train":
            self._task(work.Task(point.name, point.config, self.stop), before, checkpoint)
            return
        # What the points of one training share ends with the golden model; policies differ from there on.
        first = at(point, self.out / "trainings" / point.training_name)
        before = self._task(work.Task(point.training_name, first.config, "golden"), before, checkpoint)
        task = work.Task(point.name, point.config, None, first.folder, self.out / "shared", require)
        self._task(task, before, checkpoint)

    def _pretraining(self, config: TrainConfig) -> tuple[Future[work.Outcome], Path]:
        part = float_part(config)
        name = f"float_seed{config.seed}_{digest(part)[:8]}"
        path = self.out / "float" / name / "float.pt"
        depends = [part, self.sources.training]
        needed = {"GPU": 1} if config.device == "cuda" else {}
        return self._submit(name, needed, work.pretrain, name, config, path, depends), path

    def _task(
        self, task: work.Task, before: Future[work.Outcome] | None, checkpoint: Path | None
    ) -> Future[work.Outcome]:
        depends = work.depends_on(task, self.sources)
        return self._submit(task.name, needs(task.config, task.stop), work.run, task, depends, before, checkpoint)

    def _submit(
        self, name: str, needed: dict[str, int], function: Callable[..., work.Outcome], *arguments: Any
    ) -> Future[work.Outcome]:
        """Submits a task of that name, unless it is there already."""
        if name not in self._futures:
            # Never the result of another sweep that runs on the same scheduler.
            key = f"{name}-{uuid.uuid4().hex}"
            self._names[key] = name
            self._futures[name] = self.client.submit(
                function, *arguments, key=key, pure=False, resources=needed or None,
                priority=int(function is work.pretrain),
            )  # fmt: skip
        return self._futures[name]


def _reason(future: Future[work.Outcome]) -> str:
    """Why a task ended without an outcome."""
    if future.cancelled():  # type: ignore[no-untyped-call]
        return "the scheduler was lost"
    problem = future.exception()  # type: ignore[no-untyped-call]
    if isinstance(problem, KilledWorker):
        return "the process that ran it was killed, twice (out of memory?)"
    return f"{type(problem).__name__}: {problem}"
