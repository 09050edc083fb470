"""A search over widths, accumulators layer by layer and hardware, in place of a grid: Optuna proposes the points.

The same request proposes the same points, whatever the number of workers: points come in batches of one size, and what
a batch found is told in its order. So a search that was stopped is taken up by proposing again: what is done is reused.
"""

from __future__ import annotations

import math
import random
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flows.config import BuildConfig
from flows.errors import ConfigError, ToolMissing
from flows.sweep.objective import Objective, parse
from flows.sweep.plan import SKIP_ZEROS, Choice, Point, Request, base_config, point

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import Trial

BATCH = 4
"""Points that are proposed at a time."""
STARTUP = 8
"""Points at random, after the uniform ones, before Optuna's sampler models what it has seen."""
WORST = 1e12
"""Stands for an objective's value where the point was not built: conditions decide before values do."""
LAYER = "accumulator_bits of "


@dataclass(frozen=True)
class Space:
    """What a search chooses from: axis to its values. `layers`: those with a P of their own, in execution order."""

    request: Request
    base: BuildConfig
    layers: tuple[str, ...]
    axes: Mapping[str, tuple[Any, ...]]

    @property
    def size(self) -> int:
        """How many points there are."""
        return math.prod(len(values) for values in self.axes.values())

    def point(self, indices: Mapping[str, int]) -> Point:
        """The point of those positions in `axes`. One P for all layers where they agree. Raises ConfigError."""
        assert self.base.train is not None
        chosen = {axis: values[indices[axis]] for axis, values in self.axes.items()}
        bits = {layer: chosen.pop(LAYER + layer) for layer in self.layers}
        same = len(set(bits.values())) == 1
        choice: Choice = {
            **chosen, "accumulator_bits": next(iter(bits.values())) if same else bits, "seed": self.base.train.seed
        }  # fmt: skip
        return point(self.request, self.base, choice)

    def uniform(self) -> list[dict[str, int]]:
        """One P for all layers, every P once; the other axes at their first values."""
        count = len(self.request.accumulator_bits)
        return [{axis: p if axis.startswith(LAYER) else 0 for axis in self.axes} for p in range(count)]


def space(request: Request) -> Space:
    """The space of a request: every layer that is constrained has a P of its own. Raises ConfigError."""
    base = base_config(request)
    if base.train is None:
        raise ConfigError(f"--optimize trains its points, but {request.config} has no 'train' section")
    if not request.accumulator_bits:
        raise ConfigError("--accumulator-bits is missing: the values that a layer's P may have, such as 8,9,10,11")
    if request.stop_step is not None:
        raise ConfigError("--optimize builds its points: leave out --stop-step")
    if request.seeds > 1:
        raise ConfigError("--optimize compares points of one seed: leave out --seeds")
    methods = request.methods or ("a2q+",)
    if "qat" in methods:
        raise ConfigError("--optimize chooses accumulator widths, which qat has none of: leave it out of --methods")
    from a2qplus_train.plan import plan

    uniform = base.train.model_copy(update={"method": methods[0], "accumulator_bits": request.accumulator_bits[-1]})
    layers = tuple(layer.name for layer in plan(uniform) if layer.accumulator_bits is not None)
    if not layers:
        raise ConfigError("--optimize: no layer of this network is constrained; see constrain_first, constrain_last")
    axes: dict[str, tuple[Any, ...]] = {LAYER + layer: request.accumulator_bits for layer in layers}
    axes |= {
        "method": methods, "weight_bits": request.weight_bits, "activation_bits": request.activation_bits,
        "accumulator_policy": request.policies, "board": request.boards, "target_fps": request.target_fps,
        "skip_zeros": tuple(SKIP_ZEROS[word] for word in request.skip_zeros),
    }  # fmt: skip
    return Space(request, base, layers, {axis: values for axis, values in axes.items() if values})


def objective(text: str, base: BuildConfig) -> Objective:
    """What `--optimize` asks for. Raises ConfigError."""
    from a2qplus_train.config import IMAGE_MODELS

    assert base.train is not None
    return parse(text, "psnr" if base.train.model in IMAGE_MODELS else "accuracy")


@dataclass
class Search:
    """Proposes points and learns from their rows. Raises ToolMissing where Optuna is not installed."""

    space: Space
    objective: Objective
    study: Study = field(init=False)
    _seen: set[str] = field(default_factory=set)
    _open: dict[str, Trial] = field(default_factory=dict)
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        try:
            import optuna
        except ModuleNotFoundError:
            raise ToolMissing("--optimize needs the package optuna; pip install optuna==5.0.0") from None
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        assert self.space.base.train is not None
        seed = self.space.base.train.seed
        self._random = random.Random(seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True, n_startup_trials=STARTUP)
        self.study = optuna.create_study(directions=["minimize"] * len(self.objective.goals), sampler=sampler)
        for indices in self.space.uniform():
            self.study.enqueue_trial(indices)

    def propose(self, count: int) -> list[Point]:
        """Up to `count` points that were not proposed before; fewer where there are no others."""
        found: list[Point] = []
        while len(found) < count and len(self._seen) < self.space.size:
            trial = self.study.ask()
            made = self.space.point({axis: self._index(trial, axis) for axis in self.space.axes})
            if made.name in self._seen:
                self._again(trial)
                continue
            self._seen.add(made.name)
            self._open[made.name] = trial
            found.append(made)
        return found

    def _index(self, trial: Trial, axis: str) -> int:
        values = self.space.axes[axis]
        if axis.startswith(LAYER) or all(isinstance(v, int) and not isinstance(v, bool) for v in values):
            return int(trial.suggest_int(axis, 0, len(values) - 1))
        return int(trial.suggest_categorical(axis, list(range(len(values)))))

    def _again(self, trial: Trial) -> None:
        """A point that was there already says nothing new; one at random comes next."""
        from optuna.trial import TrialState

        self.study.tell(trial, state=TrialState.FAIL)
        self.study.enqueue_trial({axis: self._random.randrange(len(v)) for axis, v in self.space.axes.items()})

    def learn(self, name: str, row: Mapping[str, Any]) -> None:
        """Tells what became of a proposed point: its row of the table."""
        from optuna.trial import TrialState

        trial = self._open.pop(name)
        if row["error"] is not None:
            self.study.tell(trial, state=TrialState.FAIL)
            return
        for number, violation in enumerate(self.objective.violations(row)):
            trial.set_constraint(str(number), violation)
        values = self.objective.values(row)
        self.study.tell(trial, values if values is not None else [WORST] * len(self.objective.goals))


def best(rows: Sequence[Mapping[str, Any]], wanted: Objective) -> list[Mapping[str, Any]]:
    """The rows that meet every condition and that no other one beats in every goal, smallest first goal first."""
    good = [(wanted.values(r), r) for r in rows if r["error"] is None and r["verified"] and wanted.feasible(r)]
    known = [(values, r) for values, r in good if values is not None]

    def beaten(a: tuple[float, ...]) -> bool:
        return any(b != a and all(y <= x for x, y in zip(a, b, strict=True)) for b, _ in known)

    return [r for values, r in sorted(known, key=lambda pair: pair[0]) if not beaten(values)]
