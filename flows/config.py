"""The build's configuration: one YAML file, checked key by key, frozen afterwards."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from a2qplus_train.config import TrainConfig
from flows.accumulators import POLICIES, Policy
from flows.errors import ConfigError

STEPS = (
    "train",
    "frontend",
    "golden",
    "minimize",
    "folding",
    "permute",
    "fifos",
    "emit",
    "emit_hls",
    "package",
    "rtl_layers",
    "rtl_stitched",
    "hls_layers",
    "hls_top",
    "driver",
    "bitfile",
    "synthesize",
    "vitis",
    "report",
)
Step = Literal[
    "train",
    "frontend",
    "golden",
    "minimize",
    "folding",
    "permute",
    "fifos",
    "emit",
    "emit_hls",
    "package",
    "rtl_layers",
    "rtl_stitched",
    "hls_layers",
    "hls_top",
    "driver",
    "bitfile",
    "synthesize",
    "vitis",
    "report",
]
VERIFY_FILES = ("verify_input_npy", "verify_expected_output_npy")
VerifyStep = Literal["rtl_layers", "rtl_stitched", "hls_layers", "hls_top", "driver"]
VERIFY_STEPS: tuple[VerifyStep, ...] = ("rtl_layers", "rtl_stitched", "hls_layers", "hls_top", "driver")
Backend = Literal["rtl", "hls", "both"]
CHECKS: Mapping[Backend, tuple[VerifyStep, ...]] = {
    "rtl": ("rtl_layers", "rtl_stitched"),
    "hls": ("hls_layers", "hls_top"),
    "both": ("rtl_layers", "rtl_stitched", "hls_layers", "hls_top"),
}
"""Verification steps of a build that does not name any."""
Output = Literal[
    "estimate_reports", "stitched_ip", "rtlsim_performance", "pynq_driver", "deployment_package", "bitfile"
]  # fmt: skip
"""FINN's names. A build always makes all of them but the bitfile, which takes Vivado."""


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
    """Every key of a design's YAML file. Keys that FINN has keep FINN's names and meaning.

    `fifo_depths`: "least" that keep the rate, each tried; or what is "enough", found in less time than a frame takes to
    simulate.
    `skip_zeros`: the automatic folding may take MVAUs that skip tiles of zero weights (RTL only).
    `remove_channels`: channels that no output depends on are not built. `permute_channels`: output channels of folded
    MVAUs are sorted, so that accumulator lanes are narrow. See `flows.channels`.
    """

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
    skip_zeros: bool = False
    remove_channels: bool = True
    permute_channels: bool = True
    fifo_depths: Literal["least", "enough"] = "least"
    accumulator_policy: Policy = "exact"
    compare_policies: tuple[Policy, ...] = POLICIES
    backend: Backend = "rtl"
    hls_fallback: Literal["none", "rtl"] = "none"
    verify_steps: tuple[VerifyStep, ...] | None = None
    verify_input_npy: Path | None = None
    verify_expected_output_npy: Path | None = None
    verify_frames: int = Field(200, ge=1)
    verify_seed: int = Field(0, ge=0)
    verify_save_rtlsim_waveforms: bool = False
    generate_outputs: tuple[Output, ...] = ()
    start_step: Step | None = None
    stop_step: Step | None = None

    @model_validator(mode="before")
    @classmethod
    def _expand_all(cls, raw: Any) -> Any:
        """`verify_steps: [all]` names every verification step that the board allows."""
        if isinstance(raw, dict) and raw.get("verify_steps") in (["all"], "all", ("all",)):
            left_out = {"driver"} if raw.get("board") == "none" else set()
            return {**raw, "verify_steps": [step for step in VERIFY_STEPS if step not in left_out]}
        return raw

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
        runs: dict[str, bool] = {name: name in self.checks for name in VERIFY_STEPS}
        runs["emit_hls"] = self.with_hls
        if self.board == "none":
            if "driver" in self.checks:
                raise ValueError("verify_steps: 'driver' needs a board to build the package for, such as pynq-z2")
            if self.stop_step in ("package", "driver", "bitfile"):
                raise ValueError(f"stop_step: there is no step {self.stop_step!r} without a board, such as pynq-z2")
            if "bitfile" in self.generate_outputs:
                raise ValueError("generate_outputs: 'bitfile' needs a board to build for, such as pynq-z2")
        if self.stop_step and not runs.get(self.stop_step, True):
            raise ValueError(f"stop_step {self.stop_step!r} does not run with backend: {self.backend} and verify_steps")
        return self

    @property
    def checks(self) -> tuple[VerifyStep, ...]:
        """The verification steps to run: those named, or those of the backend."""
        return CHECKS[self.backend] if self.verify_steps is None else self.verify_steps

    @property
    def with_hls(self) -> bool:
        """Whether hls/ is written: the backend or a check asks for it."""
        return self.backend != "rtl" or not {"hls_layers", "hls_top"}.isdisjoint(self.checks)

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
