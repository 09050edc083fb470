"""The sweep's tasks on Dask: float pre-trainings, then trainings, then builds, each shared piece of work once."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from distributed import Client, Future, KilledWorker, as_completed

from a2qplus_train.config import TrainConfig
from a2qplus_train.float_part import float_part
from flows.files import digest
from flows.sweep import work
from flows.sweep.plan import Point, at

Done = Callable[[work.Outcome], None]


@dataclass
class Engine:
    """`stop` as in `Request.stop_step`; `out` is the sweep's folder, which every worker must see."""

    client: Client
    out: Path
    stop: str | None
    sources: work.Sources = field(default_factory=work.sources)
    _futures: dict[str, Future[work.Outcome]] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)

    def run(self, points: Sequence[Point], done: Done) -> None:
        """Runs every point and what it needs; `done` gets the outcome of each task, by name, as it ends."""
        for point in points:
            self._submit_point(point)
        for future in as_completed(list(self._futures.values())):  # type: ignore[no-untyped-call]
            name = self._names[future.key]
            if future.status == "finished":
                done(future.result())
            else:
                done(work.Outcome(name, _reason(future)))

    def _submit_point(self, point: Point) -> None:
        pretraining, checkpoint = self._pretraining(point.training)
        task = work.Task(point.name, point.config, self.stop)
        if self.stop == "train":
            self._task(task, pretraining, checkpoint)
            return
        training = at(point, self.out / "trainings" / point.training_name)
        before = self._task(work.Task(point.training_name, training.config, "train"), pretraining, checkpoint)
        self._task(work.Task(point.name, point.config, None, training.folder), before, checkpoint)

    def _pretraining(self, config: TrainConfig) -> tuple[Future[work.Outcome], Path]:
        part = float_part(config)
        name = f"float_seed{config.seed}_{digest(part)[:8]}"
        path = self.out / "float" / name / "float.pt"
        depends = [part, self.sources.training]
        return self._submit(name, work.pretrain, config, path, depends), path

    def _task(self, task: work.Task, before: Future[work.Outcome], checkpoint: Path) -> Future[work.Outcome]:
        return self._submit(task.name, work.run, task, work.depends_on(task, self.sources), before, checkpoint)

    def _submit(self, name: str, function: Callable[..., work.Outcome], *arguments: Any) -> Future[work.Outcome]:
        """Submits a task of that name, unless it is there already."""
        if name not in self._futures:
            # Never the result of another sweep that runs on the same scheduler.
            key = f"{name}-{uuid.uuid4().hex}"
            first = function is work.pretrain
            arguments = (name, *arguments) if first else arguments
            self._names[key] = name
            self._futures[name] = self.client.submit(function, *arguments, key=key, pure=False, priority=int(first))
        return self._futures[name]


def _reason(future: Future[work.Outcome]) -> str:
    """Why a task ended without an outcome."""
    if future.cancelled():  # type: ignore[no-untyped-call]
        return "the scheduler was lost"
    problem = future.exception()  # type: ignore[no-untyped-call]
    if isinstance(problem, KilledWorker):
        return "the process that ran it was killed, twice (out of memory?)"
    return f"{type(problem).__name__}: {problem}"
