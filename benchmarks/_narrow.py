"""Plain QAT against A2Q+ as whole accelerators: every training once, every design built, verified and synthesized.

One process a core, tied to it with all the tools it starts. Everything lies below one folder and is taken up again
where it was stopped: `float.pt` and `trainings/POINT` are shared by the designs, `DESIGN/POINT` are output folders of
builds, with their log. A point that fails does not stop the others.
"""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from a2qplus_train.float_part import float_part
from flows.config import BuildConfig, load
from flows.errors import FlowError
from flows.files import digest, read_json, write_json
from flows.pipeline import build
from flows.sweep.memory import KEEP_MEMORY

CONFIGS = Path(__file__).parents[1] / "configs"
FRAMES = 60
"""That golden model and stitched RTL are compared on."""
QAT = "qat"
REDUCED = ("train.float_epochs=2", "train.epochs=2")
"""For a run that shows only that everything works."""


@dataclass(frozen=True)
class Variant:
    """A design that both sides are built as: its configuration, and what QAT's accumulators are synthesized as.

    `policies`: those that mean something: constant weights have no accumulator register. `fps`: frames a second that
    every point must reach.
    """

    name: str
    config: str
    policies: tuple[str, ...]
    fps: int
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True)
class Study:
    """`widths`: P of the A2Q+ points. `keeps(A2Q+'s training, QAT's)`: whether A2Q+'s figure is good enough."""

    title: str
    designs: tuple[Variant, ...]
    widths: tuple[int, ...]
    keeps: Callable[[Mapping[str, Any], Mapping[str, Any]], bool]
    kept: str
    reduced: bool = False

    @property
    def points(self) -> dict[str, tuple[str, ...]]:
        """Point to the keys of its training, QAT first: its builds take longest."""
        return {
            QAT: ("train.method=qat", "train.accumulator_bits=null"),
            **{f"a2q+ P={p}": ("train.method=a2q+", f"train.accumulator_bits={p}") for p in self.widths},
        }

    def less(self) -> Study:
        """The same with two epochs and the middle width alone."""
        middle = self.widths[len(self.widths) // 2]
        return dataclasses.replace(self, title=f"{self.title}: REDUCED, two epochs", widths=(middle,), reduced=True)


@dataclass(frozen=True)
class Built:
    """One build: its summary.json, and LUTs by kind of the layers that have several: {policy: {layer: {kind: LUT}}}."""

    design: str
    point: str
    summary: Mapping[str, Any]
    kinds: Mapping[str, Mapping[str, Mapping[str, int]]]


def build_all(study: Study, folder: Path) -> list[Built]:
    """Every point of every design, in their order. Raises FlowError, with every reason, where some failed."""
    folder.mkdir(parents=True, exist_ok=True)
    os.environ.update(KEEP_MEMORY)
    configs = {name: _training_config(study, folder, name) for name in study.points}
    first = configs[QAT].train
    assert first is not None
    checkpoint = folder / f"float_{digest(float_part(first))[:8]}.pt"
    cores = sorted(os.sched_getaffinity(0))
    spawn = multiprocessing.get_context("spawn")
    places = spawn.Queue()
    for core in cores:
        places.put(core)
    with ProcessPoolExecutor(len(cores), mp_context=spawn, initializer=_tie, initargs=(places,)) as pool:
        _finish({"float": pool.submit(_pretrain, configs[QAT], checkpoint)})
        _finish({f"train {name}": pool.submit(_train, config, checkpoint) for name, config in configs.items()})
        builds = {}
        for name in study.points:
            for variant in study.designs:
                config = _build_config(study, variant, folder, name)
                policies = variant.policies if name == QAT else ("exact",)
                builds[f"{variant.name} {name}"] = pool.submit(_build, config, policies)
        found = _finish(builds)
    return [
        Built(variant.name, name, *found[f"{variant.name} {name}"])
        for variant in study.designs for name in study.points
    ]  # fmt: skip


def _finish(jobs: Mapping[str, Future[Any]]) -> dict[str, Any]:
    """The results by name; says of every job when it ends. Raises FlowError with what went wrong at the end of all."""
    names, found, failed, began = {f: n for n, f in jobs.items()}, {}, [], time.monotonic()
    for future in as_completed(names):
        name = names[future]
        try:
            found[name] = future.result()
        except Exception as problem:
            failed.append(f"{name}: {problem}")
        print(f"{name}: {'failed' if name not in found else 'done'} ({(time.monotonic() - began) / 60:.1f} min)")
    if failed:
        raise FlowError("\n".join(failed))
    return found


def slug(point: str) -> str:
    """The point's name as a folder's."""
    return point.replace(" P=", "_P")


def _keys(study: Study, variant: Variant, point: str) -> list[str]:
    return [*variant.overrides, *study.points[point], *(REDUCED if study.reduced else ())]


def _training_config(study: Study, folder: Path, point: str) -> BuildConfig:
    """Of the first design; all of them must train the same."""
    found = [
        load(CONFIGS / v.config, _keys(study, v, point), folder / "trainings" / slug(point)) for v in study.designs
    ]
    if any(config.train != found[0].train for config in found):
        raise ValueError("the designs of a study must have the same training")
    return found[0]


def _build_config(study: Study, variant: Variant, folder: Path, point: str) -> BuildConfig:
    training = (folder / "trainings" / slug(point) / "train").resolve()
    policies = variant.policies if point == QAT else ("exact",)
    keys = [
        *_keys(study, variant, point), "train=null", f"model={training}", f"verify_frames={FRAMES}",
        "verify_steps=[rtl_stitched]", f"compare_policies=[{', '.join(policies)}]", "accumulator_policy=exact",
    ]  # fmt: skip
    return load(CONFIGS / variant.config, keys, folder / variant.name / slug(point))


def _tie(places: Any) -> None:
    """Ties a process of the pool, and the tools it will start, to a core of its own."""
    os.sched_setaffinity(0, {places.get()})


def _log_to(path: Path) -> None:
    """What this process and its tools print goes to the end of `path` from here on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    with path.open("ab") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)


def _pretrain(config: BuildConfig, checkpoint: Path) -> None:
    """The float network that all points start from, unless it is there."""
    if checkpoint.is_file():
        return
    from a2qplus_train import pretrain

    assert config.train is not None
    _log_to(checkpoint.with_suffix(".log"))
    pretrain(config.train, checkpoint)


def _train(config: BuildConfig, checkpoint: Path) -> None:
    _log_to(config.out / "point.log")
    build(config, stop="train", float_checkpoint=checkpoint)


def _build(config: BuildConfig, policies: Sequence[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(summary.json, LUTs by kind). Found again where nothing changed."""
    _log_to(config.out / "point.log")
    build(config)
    kinds = _kinds(config, policies)
    write_json(config.out / "report" / "kinds.json", {"source": "yosys", "LUT": kinds})
    return dict(read_json(config.out / "report" / "summary.json")), kinds


def _kinds(config: BuildConfig, policies: Iterable[str]) -> dict[str, dict[str, dict[str, int]]]:
    """{policy: {layer: {kind: LUT}}} of the layers with cells of several kinds, as the build made them."""
    from flows import stages
    from flows.accumulators import analyse
    from flows.elaborate import elaborate
    from flows.folding import choose
    from flows.steps import Steps
    from flows.synthesize import yosys
    from flows.synthesize.jobs import instance_job
    from flows.synthesize.kinds import kind_of, split_job

    b = stages.Build(config, Steps(config.out))
    folded, graph = stages.networks(config.out)
    folding, widths = choose(folded, stages.folding_request(b)), analyse(graph)
    depths = stages.chosen_depths(config.out / "report" / "fifo_depths.json")
    places, jobs = [], []
    for policy in policies:
        design = elaborate(graph, folding, {n: w.implemented(policy) for n, w in widths.items()}, depths)  # type: ignore[arg-type]
        for instance in design.instances:
            if kind_of(instance.module) is None:
                places.append((policy, instance.name))
                jobs.append(split_job(instance_job(design, instance), instance.module))
    kinds: dict[str, dict[str, dict[str, int]]] = {policy: {} for policy in policies}
    found = yosys.by_kind(jobs, b.part.family, config.out / "synth" / "kinds")
    for (policy, layer), parts in zip(places, found, strict=True):
        kinds[policy][layer] = {kind: counts["LUT"] for kind, counts in parts.items()}
    return kinds
