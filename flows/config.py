"""The build's configuration: one YAML file, checked key by key, frozen afterwards."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from a2qplus_train.config import TrainConfig
from flows.accumulators import POLICIES, Policy
from flows.errors import ConfigError

STEPS = (
    "train",
    "frontend",
    "golden",
    "folding",
    "fifos",
    "emit",
    "rtl_layers",
    "rtl_stitched",
    "hls_layers",
    "synthesize",
    "report",
)
Step = Literal[
    "train",
    "frontend",
    "golden",
    "folding",
    "fifos",
    "emit",
    "rtl_layers",
    "rtl_stitched",
    "hls_layers",
    "synthesize",
    "report",
]
VERIFY_FILES = ("verify_input_npy", "verify_expected_output_npy")
VerifyStep = Literal["rtl_layers", "rtl_stitched", "hls_layers"]


def _expand_all(value: Any) -> Any:
    """`[all]` names every verification step."""
    return ("rtl_layers", "rtl_stitched", "hls_layers") if value in (["all"], "all", ("all",)) else value


class LayerFolding(BaseModel):
    """Folding of one layer, with FINN's keys and `impl` (see `flows.design.Fold`).

    What this flow cannot honour is refused by `flows.folding`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    PE: int | None = Field(None, ge=1)
    SIMD: int | None = Field(None, ge=1)
    ram_style: str | None = None
    mem_mode: str | None = None
    resType: str | None = None
    parallel_window: int | None = None
    impl: str | None = None
    inFIFODepths: tuple[int, ...] | None = None
    outFIFODepths: tuple[int, ...] | None = None


class BuildConfig(BaseModel):
    """Every key of a design's YAML file. Keys that FINN has keep FINN's names and meaning."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")
    train: TrainConfig | None = None
    model: Path | None = None
    label_select: bool = False
    output_dir: Path | None = None
    board: str = "pynq-z2"
    fpga_part: str | None = None
    synth_clk_period_ns: float = Field(10.0, gt=0, allow_inf_nan=False)
    target_fps: int | None = Field(None, ge=1)
    folding_config_file: Path | None = None
    folding: Mapping[str, LayerFolding] = {}
    accumulator_policy: Policy = "exact"
    compare_policies: tuple[Policy, ...] = POLICIES
    verify_steps: Annotated[tuple[VerifyStep, ...], BeforeValidator(_expand_all)] = ("rtl_layers", "rtl_stitched")
    verify_input_npy: Path | None = None
    verify_expected_output_npy: Path | None = None
    verify_frames: int = Field(200, ge=1)
    verify_seed: int = Field(0, ge=0)
    verify_save_rtlsim_waveforms: bool = False
    start_step: Step | None = None
    stop_step: Step | None = None

    @model_validator(mode="after")
    def _one_source(self) -> BuildConfig:
        if (self.train is None) == (self.model is None):
            raise ValueError("give either a 'train' section or a 'model' file, and not both")
        given = [key for key in VERIFY_FILES if getattr(self, key) is not None]
        if given and len(given) < len(VERIFY_FILES):
            raise ValueError(f"{given[0]!r} needs {next(k for k in VERIFY_FILES if k not in given)!r} beside it")
        if given and self.model is None:
            raise ValueError(f"{given[0]!r} needs 'model'; a network that is trained here has its own test frames")
        if self.start_step and self.stop_step and STEPS.index(self.start_step) > STEPS.index(self.stop_step):
            raise ValueError(f"start_step {self.start_step!r} comes after stop_step {self.stop_step!r}")
        return self

    @property
    def out(self) -> Path:
        """Where the build writes: `output_dir`, or out/NAME below the working directory."""
        return self.output_dir if self.output_dir is not None else Path("out") / self.name


def load(path: Path, overrides: Sequence[str] = (), output_dir: Path | None = None) -> BuildConfig:
    """The configuration in `path`, with `overrides` ("key=value", dots reach into sections, values are YAML).

    Relative paths in the file are relative to the file. Raises ConfigError naming the key and the nearest legal one.
    """
    raw = _read(path)
    for key in ("model", "folding_config_file", *VERIFY_FILES):
        if isinstance(raw.get(key), str):
            raw[key] = path.parent / raw[key]
    for override in overrides:
        _apply(raw, override)
    raw.setdefault("name", path.stem)
    if output_dir is not None:
        raw["output_dir"] = output_dir
    try:
        return BuildConfig.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(f"{path}: {_explain(error)}") from None


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"no configuration file {path}; examples are in configs/") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the configuration {path}: {error}") from None
    try:
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(raw, dict):
        raise ConfigError(f"{path} does not hold 'key: value' lines")
    return raw


def _apply(raw: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise ConfigError(f"--set {override}: write key=value")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise ConfigError(f"--set {override}: {text!r} is not a YAML value") from None
    *sections, last = key.split(".")
    for section in sections:
        inner = raw.setdefault(section, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"--set {override}: {section!r} is not a section")
        raw = inner
    raw[last] = value


def _explain(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"unknown key {where!r}{suggestion(str(first['loc'][-1]), _keys(first['loc'][:-1]))}"
    message = first["msg"].removeprefix("Value error, ")
    return f"{where}: {message}" if where else message


def _keys(section: tuple[int | str, ...]) -> Iterable[str]:
    models: dict[str, type[BaseModel]] = {"train": TrainConfig, "folding": LayerFolding}
    return models.get(str(section[0]) if section else "", BuildConfig).model_fields


def suggestion(name: str, known: Iterable[str]) -> str:
    """'; did you mean X?' for the nearest of `known`, else the list of them."""
    by_lower = {k.lower(): k for k in known}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1)
    return f"; did you mean {by_lower[near[0]]!r}?" if near else f"; known: {', '.join(by_lower.values())}"
