"""One short training shared by the tests of the contract folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from a2qplus_train.config import TrainConfig
from a2qplus_train.trainer import train


@pytest.fixture(scope="session")
def short_config() -> TrainConfig:
    """Small and badly trained, but with every kind of layer: conv, pool, hidden dense, last dense."""
    return TrainConfig(
        channels=(4, 8),
        pool_after=(2,),
        hidden=(16,),
        accumulator_bits=10,
        constrain_last=True,
        float_epochs=2,
        epochs=2,
        batch_size=128,
    )


@pytest.fixture(scope="session")
def trained(short_config: TrainConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The contract folder of `short_config`."""
    out = tmp_path_factory.mktemp("short") / "cnn"
    train(short_config, out)
    return out
