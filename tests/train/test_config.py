"""Wrong configurations are refused by the type, and reading one costs no torch."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import ValidationError

from a2qplus_train.config import TrainConfig
from a2qplus_train.plan import plan


@pytest.mark.parametrize(
    "wrong",
    [
        {"epoch": 3},
        {"dataset": "cifar10"},
        {"model": "vgg"},
        {"method": "A2Q"},
        {"weight_bits": 9},
        {"activation_bits": 0},
        {"accumulator_bits": 3},
        {"accumulator_bits": {"conv9": 9}},
        {"accumulator_bits": {"conv1": 9}},
        {"accumulator_bits": {"conv2": 99}},
        {"channels": [0]},
        {"channels": []},
        {"pool_after": [4]},
        {"pool_after": [2, 2]},
        {"channels": [4, 4, 4, 4], "pool_after": [1, 2, 3, 4]},
        {"model": "mlp", "channels": [8]},
        {"model": "mlp", "hidden": []},
        {"test_fraction": 0.0},
        {"test_fraction": 0.6, "validation_fraction": 0.35},
        {"learning_rate": -1.0},
        {"batch_size": 1},
        {"seed": -1},
    ],
    ids=str,
)
def test_wrong_values_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TrainConfig(**wrong)


def test_it_is_frozen() -> None:
    with pytest.raises(ValidationError):
        TrainConfig().seed = 1  # type: ignore[misc]


def test_each_model_brings_its_own_shape() -> None:
    assert TrainConfig().layer_names == ("conv1", "conv2", "conv3", "dense1")
    assert TrainConfig(model="mlp").layer_names == ("dense1", "dense2", "dense3")


def test_widths_by_layer() -> None:
    layers = {p.name: p for p in plan(TrainConfig(accumulator_bits={"conv2": 9, "dense1": None}))}
    assert {name: p.accumulator_bits for name, p in layers.items()} == {
        "conv1": None, "conv2": 9, "conv3": None, "dense1": None,
    }  # fmt: skip
    assert layers["conv2"].method == "a2q+"
    assert layers["conv3"].method == "qat", "an unconstrained layer is plain quantization-aware training"


def test_one_layer_can_be_left_free_at_the_end() -> None:
    assert plan(TrainConfig(accumulator_bits=9, constrain_last=False))[-1].accumulator_bits is None


def test_qat_promises_no_width() -> None:
    assert {p.accumulator_bits for p in plan(TrainConfig(method="qat", accumulator_bits=9))} == {None}


def test_a_single_input_falls_back_to_a2q() -> None:
    layers = plan(TrainConfig(model="mlp", hidden=(1, 4), accumulator_bits=9))
    assert [p.method for p in layers] == ["qat", "a2q", "a2q+"]


def test_reading_a_config_does_not_import_torch() -> None:
    code = (
        "import sys, a2qplus_train, a2qplus_train.config, a2qplus_train.plan;"
        "assert 'torch' not in sys.modules and 'brevitas' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
