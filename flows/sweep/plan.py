"""Which points a sweep has: the grid of its axes, each point with its own complete, checked configuration.

A configuration with `model:` in place of `train:` has build axes alone: policies, boards, rates, skipped zeros.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from a2qplus_train.config import TrainConfig
from flows.accumulators import POLICIES
from flows.config import BuildConfig, load, suggestion
from flows.errors import ConfigError
from flows.synthesize.parts import part_of

METHODS = ("a2q+", "a2q", "qat")
SKIP_ZEROS = {"no": False, "yes": True}
UNTRAINED = "model"
"""Stands for the method in the names of points that are built from a network trained elsewhere."""


@dataclass(frozen=True)
class Request:
    """The axes of a sweep as given; an empty one means the configuration's own value (`methods`: A2Q+).

    `accumulator_bits`, `activation_bits` and `weight_bits` in bits; `seeds`: how many, counted from the configuration's
    own; `skip_zeros`: of "no", "yes"; `stop_step` "train" trains only, None builds every point.
    """

    config: Path
    out: Path | None = None
    overrides: tuple[str, ...] = ()
    accumulator_bits: tuple[int, ...] = ()
    methods: tuple[str, ...] = ()
    seeds: int = 1
    activation_bits: tuple[int, ...] = ()
    weight_bits: tuple[int, ...] = ()
    policies: tuple[str, ...] = ()
    boards: tuple[str, ...] = ()
    target_fps: tuple[int, ...] = ()
    skip_zeros: tuple[str, ...] = ()
    stop_step: str | None = None


@dataclass(frozen=True)
class Point:
    """One training, or one build where `config` goes further; its axes are in `config` alone.

    `training_name`: of the training that points of other build axes share.
    """

    name: str
    training_name: str
    config: BuildConfig

    @property
    def folder(self) -> Path:
        """Where the point is built: a complete output folder of its own."""
        return self.config.out

    @property
    def training(self) -> TrainConfig | None:
        """None where the network was trained elsewhere."""
        return self.config.train


def words(text: str, option: str, known: Sequence[str] = ()) -> tuple[str, ...]:
    """The comma-separated values of an option, without repetitions. Raises ConfigError naming the option."""
    found = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    if not all(found):
        raise ConfigError(f"{option} {text}: write values with single commas between them, such as A,B,C")
    for word in found if known else ():
        if word not in known:
            raise ConfigError(f"{option}: unknown value {word!r}{suggestion(word, known)}")
    return found


def integers(text: str, option: str) -> tuple[int, ...]:
    """The comma-separated positive integers of an option, rising. Raises ConfigError naming the option."""
    found = words(text, option)
    for word in found:
        if not (word.isascii() and word.isdigit() and int(word) > 0):
            raise ConfigError(f"{option} {text}: {word!r} is not a positive whole number")
    return tuple(sorted({int(word) for word in found}))


def points(request: Request) -> tuple[Point, ...]:
    """Every point of the grid, in the order of the table: by build axes, method, widths, seed.

    `qat` is trained once per seed and pair of widths, and never with the policy `trained`. Raises ConfigError naming
    the option or the first point whose configuration is wrong.
    """
    base = base_config(request)
    if base.train is not None and not request.accumulator_bits and set(request.methods) != {"qat"}:
        raise ConfigError("--accumulator-bits is missing, such as --accumulator-bits 8,9,10,11,12")
    made = tuple(point(request, base, choice) for choice in _grid(request, base))
    if not made:
        raise ConfigError("no point is left: 'qat' has no width of its own, so the policy 'trained' is absent for it")
    return made


def base_config(request: Request) -> BuildConfig:
    """The configuration that every point starts from, with the sweep's folder. Raises ConfigError as `points` does."""
    _check(request)
    base = load(request.config, request.overrides, request.out)
    base = base.model_copy(update={"output_dir": output_folder(base)})
    if base.train is None:
        for option, given in (
            ("--accumulator-bits", request.accumulator_bits), ("--methods", request.methods),
            ("--activation-bits", request.activation_bits), ("--weight-bits", request.weight_bits),
            ("--seeds", request.seeds > 1), ("--stop-step", request.stop_step),
        ):  # fmt: skip
            if given:
                raise ConfigError(f"{option} is of trainings, but {request.config} has no 'train' section")
    if base.start_step is not None or base.stop_step is not None:
        raise ConfigError("a sweep runs its points from the start; leave out start_step and stop_step (--stop-step)")
    if request.target_fps and (base.folding or base.folding_config_file):
        raise ConfigError("--target-fps: the configuration fixes the folding; remove it, or the option")
    if request.stop_step is None:
        for board in request.boards or (base.board,):
            part_of(board, base.fpga_part)
    return base


def _check(request: Request) -> None:
    if request.methods:
        words(",".join(request.methods), "--methods", METHODS)
    if request.policies:
        words(",".join(request.policies), "--policies", POLICIES)
    if request.skip_zeros:
        words(",".join(request.skip_zeros), "--skip-zeros", tuple(SKIP_ZEROS))
    if request.seeds < 1:
        raise ConfigError(f"--seeds {request.seeds}: at least 1")
    if request.stop_step not in (None, "train"):
        raise ConfigError(f"--stop-step {request.stop_step}: a sweep stops after 'train', or builds everything")
    for option, values in (
        ("--policies", request.policies), ("--boards", request.boards), ("--target-fps", request.target_fps),
        ("--skip-zeros", request.skip_zeros),
    ):  # fmt: skip
        if values and request.stop_step == "train":
            raise ConfigError(f"{option} decides the hardware, and --stop-step train builds none: leave one out")


Choice = Mapping[str, Any]
"""Values of a point's axes: of `_BUILD` as the configuration has them, and of `_TRAIN`. An axis that is not there has
the configuration's own value."""
_BUILD = ("accumulator_policy", "board", "target_fps", "skip_zeros")
_TRAIN = ("method", "accumulator_bits", "activation_bits", "weight_bits", "seed")


def _grid(request: Request, base: BuildConfig) -> Iterator[Choice]:
    builds = _swept({
        "accumulator_policy": request.policies, "board": request.boards, "target_fps": request.target_fps,
        "skip_zeros": tuple(SKIP_ZEROS[word] for word in request.skip_zeros),
    })  # fmt: skip
    for build in builds:
        if base.train is None:
            yield build
            continue
        for method in request.methods or METHODS[:1]:
            if method == "qat" and build.get("accumulator_policy") == "trained":
                continue
            trainings = _swept({
                "accumulator_bits": (None,) if method == "qat" else request.accumulator_bits,
                "activation_bits": request.activation_bits, "weight_bits": request.weight_bits,
                "seed": tuple(base.train.seed + offset for offset in range(request.seeds)),
            })  # fmt: skip
            for training in trainings:
                yield {**build, "method": method, **training}


def _swept(axes: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    """Every combination of the axes that have values; a single empty one where none has."""
    swept = {key: values for key, values in axes.items() if values}
    for values in product(*swept.values()):
        yield dict(zip(swept, values, strict=True))


def point(request: Request, base: BuildConfig, choice: Choice) -> Point:
    """The point of those axes, with its folder below the sweep's. Raises ConfigError naming it."""
    build = [_word(key, choice[key]) for key in _BUILD if key in choice]
    if base.train is None:
        name, training_name = "_".join([UNTRAINED, *build]), UNTRAINED
    else:
        train = [_word(key, choice[key]) for key in _TRAIN[:-1] if choice.get(key) is not None]
        seed = _word("seed", choice["seed"])
        name = "_".join([*train, *build, seed])
        training_name = "_".join([*train, seed, "train"])
    # The widths of the other policies are points of their own: each point synthesizes its own policy only.
    keys = {f"train.{key}" if key in _TRAIN else key: value for key, value in choice.items()} | {"compare_policies": []}
    settings = [f"{key}={_yaml(value)}" for key, value in keys.items()]
    try:
        config = load(request.config, [*request.overrides, *settings], base.out / "points" / name)
    except ConfigError as error:
        raise ConfigError(f"point {name}: {error}") from None
    return Point(name, training_name, config)


def _word(key: str, value: Any) -> str:
    """What an axis adds to a point's name."""
    if isinstance(value, Mapping):
        value = "-".join(str(bits) for bits in value.values())
    if key == "skip_zeros":
        return "skip" if value else "noskip"
    prefix = {"accumulator_bits": "P", "activation_bits": "N", "weight_bits": "W", "seed": "seed"}.get(key, "")
    return f"{prefix}{value}"


def _yaml(value: Any) -> str:
    """A value as `--set` takes it."""
    return "null" if value is None else json.dumps(value)


def output_folder(config: BuildConfig) -> Path:
    """Where a sweep of `config` writes: its output folder, or out/NAME_sweep, apart from a build of the same name."""
    return config.output_dir or Path("out") / f"{config.name}_sweep"


def at(point: Point, folder: Path) -> Point:
    """The same point in another folder."""
    return replace(point, config=point.config.model_copy(update={"output_dir": folder}))
