"""Which points a sweep has: the grid of its axes, each point with its own complete, checked configuration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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


@dataclass(frozen=True)
class Request:
    """The axes of a sweep as given; an empty one means the configuration's own value (`methods`: A2Q+).

    `accumulator_bits` and `activation_bits` in bits; `seeds`: how many, counted from the configuration's own;
    `stop_step` "train" trains only, None builds every point.
    """

    config: Path
    out: Path | None = None
    overrides: tuple[str, ...] = ()
    accumulator_bits: tuple[int, ...] = ()
    methods: tuple[str, ...] = ("a2q+",)
    seeds: int = 1
    activation_bits: tuple[int, ...] = ()
    policies: tuple[str, ...] = ()
    boards: tuple[str, ...] = ()
    target_fps: tuple[int, ...] = ()
    stop_step: str | None = None


@dataclass(frozen=True)
class Point:
    """One training, or one build where `config` goes further. `accumulator_bits` is None for `qat`, which has none."""

    name: str
    method: str
    accumulator_bits: int | None
    activation_bits: int
    seed: int
    config: BuildConfig

    @property
    def folder(self) -> Path:
        """Where the point is built: a complete output folder of its own."""
        return self.config.out

    @property
    def training_name(self) -> str:
        """The name of the training that points of other build axes share."""
        width = "" if self.accumulator_bits is None else f"_P{self.accumulator_bits}"
        return f"{self.method}{width}_N{self.activation_bits}_seed{self.seed}_train"

    @property
    def training(self) -> TrainConfig:
        assert self.config.train is not None
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
    """Every point of the grid, in the order of the table: by build axes, method, width, activation bits, seed.

    `qat` is trained once per seed and activation width, and never with the policy `trained`. Raises ConfigError
    naming the option or the first point whose configuration is wrong.
    """
    _check(request)
    base = load(request.config, request.overrides, request.out)
    base = base.model_copy(update={"output_dir": output_folder(base)})
    if base.train is None:
        raise ConfigError(f"{request.config}: a sweep trains its points, but there is no 'train' section")
    if base.start_step is not None or base.stop_step is not None:
        raise ConfigError("a sweep runs its points from the start; leave out start_step and stop_step (--stop-step)")
    if request.stop_step is None:
        for board in request.boards or (base.board,):
            part_of(board, base.fpga_part)
    made = tuple(point for axes in _builds(request, base) for point in _trainings(request, base, axes))
    if not made:
        raise ConfigError("no point is left: 'qat' has no width of its own, so the policy 'trained' is absent for it")
    return made


def _check(request: Request) -> None:
    words(",".join(request.methods), "--methods", METHODS)
    if request.policies:
        words(",".join(request.policies), "--policies", POLICIES)
    if request.seeds < 1:
        raise ConfigError(f"--seeds {request.seeds}: at least 1")
    if request.stop_step not in (None, "train"):
        raise ConfigError(f"--stop-step {request.stop_step}: a sweep stops after 'train', or builds everything")
    if not request.accumulator_bits and set(request.methods) != {"qat"}:
        raise ConfigError("--accumulator-bits is missing, such as --accumulator-bits 8,9,10,11,12")
    for option, values in (
        ("--policies", request.policies), ("--boards", request.boards), ("--target-fps", request.target_fps)
    ):  # fmt: skip
        if values and request.stop_step == "train":
            raise ConfigError(f"{option} decides the hardware, and --stop-step train builds none: leave one out")


def _builds(request: Request, base: BuildConfig) -> Iterator[dict[str, Any]]:
    """The build axes that are swept, one combination at a time; a single empty one where none is."""
    axes = {
        "accumulator_policy": request.policies, "board": request.boards, "target_fps": request.target_fps,
    }  # fmt: skip
    swept = {key: values for key, values in axes.items() if values}
    if "target_fps" in swept and (base.folding or base.folding_config_file):
        raise ConfigError("--target-fps: the configuration fixes the folding; remove it, or the option")
    for values in product(*swept.values()):
        yield dict(zip(swept, values, strict=True))


def _trainings(request: Request, base: BuildConfig, axes: dict[str, Any]) -> Iterator[Point]:
    assert base.train is not None
    activations = request.activation_bits or (base.train.activation_bits,)
    for method in request.methods:
        if method == "qat" and axes.get("accumulator_policy") == "trained":
            continue
        widths = (None,) if method == "qat" else request.accumulator_bits
        for width, bits, offset in product(widths, activations, range(request.seeds)):
            seed = base.train.seed + offset
            parts = [method, *([f"P{width}"] if width else []), *([f"N{bits}"] if request.activation_bits else [])]
            name = "_".join([*parts, *(f"{value}" for value in axes.values()), f"seed{seed}"])
            train = {"method": method, "accumulator_bits": width, "activation_bits": bits, "seed": seed}
            yield Point(name, method, width, bits, seed, _config(request, base, name, train, axes))


def _config(
    request: Request, base: BuildConfig, name: str, train: dict[str, Any], axes: dict[str, Any]
) -> BuildConfig:  # fmt: skip
    # The widths of the other policies are points of their own: each point synthesizes its own policy only.
    keys = {f"train.{key}": value for key, value in train.items()} | axes | {"compare_policies": []}
    settings = [f"{key}={'null' if value is None else value}" for key, value in keys.items()]
    try:
        return load(request.config, [*request.overrides, *settings], base.out / "points" / name)
    except ConfigError as error:
        raise ConfigError(f"point {name}: {error}") from None


def output_folder(config: BuildConfig) -> Path:
    """Where a sweep of `config` writes: its output folder, or out/NAME_sweep, apart from a build of the same name."""
    return config.output_dir or Path("out") / f"{config.name}_sweep"


def at(point: Point, folder: Path) -> Point:
    """The same point in another folder."""
    return replace(point, config=point.config.model_copy(update={"output_dir": folder}))
