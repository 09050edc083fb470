"""TensorBoard events: every figure of every epoch, and one clear message where the package is missing."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest

from a2qplus_train.config import TrainConfig
from a2qplus_train.events import recorded
from a2qplus_train.trainer import train
from flows.errors import ConfigError


class Writer:
    """What SummaryWriter is asked to do."""

    def __init__(self, folder: str) -> None:
        self.folder, self.scalars, self.closed = Path(folder), [], False
        made.append(self)

    def add_scalar(self, tag: str, value: float, step: int) -> None:
        self.scalars.append((tag, step))
        assert isinstance(value, float)

    def close(self) -> None:
        self.closed = True


made: list[Writer] = []


def test_every_epoch_is_recorded_and_passed_on(
    short_config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = types.ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = Writer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    seen = []
    config = short_config.model_copy(update={"tensorboard": True, "float_epochs": 1, "epochs": 1})
    train(config, tmp_path / "out", lambda phase, epoch, *_: seen.append((phase, epoch)))
    (writer,) = made
    assert writer.folder == tmp_path / "out_events" and writer.closed
    assert seen == [("float", 1), ("quantized", 1)]
    assert {("float/loss", 1), ("quantized/loss", 1), ("quantized/validation_loss", 1)} <= set(writer.scalars)


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ConfigError, match="pip install tensorboard"), recorded(True, tmp_path, None):
        pass
