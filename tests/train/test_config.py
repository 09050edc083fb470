"""Wrong configurations are refused by the type, and reading one costs no torch."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import ValidationError

from a2qplus_train.config import TrainConfig
from a2qplus_train.plan import plan
from flows.errors import ConfigError


@pytest.mark.parametrize(
    "wrong",
    [
        {"epoch": 3},
        {"dataset": "cifar10"},  # no data_dir
        {"dataset": "mnist"},
        {"image_size": 32},
        {"model": "espcn"},
        {"image_skip": True},
        {"dataset": "photos", "model": "espcn", "image_skip": True, "input_bits": 6},
        {"dataset": "photos"},
        {"blocks": [2, 2, 2]},
        {"model": "resnet18", "blocks": [2, 2]},
        {"model": "vgg"},
        {"method": "A2Q"},
        {"weight_bits": 9},
        {"activation_bits": 0},
        {"accumulator_bits": 3},
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
    assert names(TrainConfig()) == ["conv1", "conv2", "conv3", "dense1"]
    assert names(TrainConfig(model="mlp")) == ["dense1", "dense2", "dense3"]


def names(config: TrainConfig) -> list[str]:
    return [layer.name for layer in plan(config)]


@pytest.mark.parametrize(
    ("bits", "message"),
    [
        ({"conv9": 9}, r"no layer of this model: conv9 \(layers: conv1, conv2, conv3, dense1\)"),
        ({"conv1": 9}, "constrain_first: true"),
        ({"dense1": 9}, "constrain_last: true"),
    ],
    ids=str,
)
def test_a_width_for_no_layer(bits: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        plan(TrainConfig(accumulator_bits=bits))


@pytest.mark.parametrize("key", ["weight_bits", "first_layer_weight_bits", "last_layer_weight_bits", "activation_bits"])
@pytest.mark.parametrize("method", ["a2q", "a2q+"])
def test_one_bit_has_no_budget(method: str, key: str) -> None:
    with pytest.raises(ValidationError, match=r"does not apply to 1-bit .* use method qat"):
        TrainConfig(method=method, **{key: 1})
    TrainConfig(method="qat", **{key: 1})


def test_bipolar_activations_cannot_be_padded() -> None:
    with pytest.raises(ConfigError, match=r"layer conv2: 1-bit activations.*'cnv'"):
        plan(TrainConfig(method="qat", activation_bits=1))


def test_a_network_that_eats_its_image() -> None:
    with pytest.raises(ConfigError, match="leaves nothing of an image of 8 pixels after conv4"):
        plan(TrainConfig(model="cnv", channels=(4, 4, 4, 4), pool_after=()))


def test_widths_by_layer() -> None:
    layers = {p.name: p for p in plan(TrainConfig(accumulator_bits={"conv2": 9, "dense1": None}))}
    assert {name: p.accumulator_bits for name, p in layers.items()} == {
        "conv1": None, "conv2": 9, "conv3": None, "dense1": None,
    }  # fmt: skip
    assert layers["conv2"].method == "a2q+"
    assert layers["conv3"].method == "qat", "an unconstrained layer is plain quantization-aware training"


def test_both_ends_are_free_and_of_eight_bits_unless_asked_otherwise() -> None:
    layers = plan(TrainConfig(accumulator_bits=9))
    assert [(p.weight_bits, p.accumulator_bits) for p in layers] == [(8, None), (4, 9), (4, 9), (8, None)]
    layers = plan(TrainConfig(accumulator_bits=9, constrain_last=True, last_layer_weight_bits=0))
    assert (layers[-1].weight_bits, layers[-1].accumulator_bits) == (4, 9)


def test_qat_promises_no_width() -> None:
    assert {p.accumulator_bits for p in plan(TrainConfig(method="qat", accumulator_bits=9))} == {None}


def test_a_single_input_falls_back_to_a2q() -> None:
    layers = plan(TrainConfig(model="mlp", hidden=(1, 4), accumulator_bits=9, constrain_last=True))
    assert [p.method for p in layers] == ["qat", "a2q", "a2q+"]


def test_depthwise_layers_are_not_centred() -> None:
    def methods(**keys: object) -> set[tuple[str, int | None]]:
        layers = plan(TrainConfig(model="mobilenetv1", channels=(8, 8, 8), **keys))
        return {(layer.method, layer.accumulator_bits) for layer in layers if layer.depthwise}

    assert methods(accumulator_bits=10) == {("a2q", 10)}
    assert methods(accumulator_bits=10, depthwise_centred=True) == {("a2q+", 10)}
    assert methods(accumulator_bits=11) == {("qat", 11)}, "9 * 7 * 15 = 945 fits 11 bits whatever the weights"
    assert methods(accumulator_bits=None) == {("qat", None)}


def test_the_ends_of_a_network() -> None:
    layers = plan(TrainConfig(accumulator_bits=12, last_layer_weight_bits=6, constrain_first=True, constrain_last=True))
    assert [p.weight_bits for p in layers] == [8, 4, 4, 6]
    assert [p.input_bits for p in layers] == [8, 4, 4, 4]
    assert [p.accumulator_bits for p in layers] == [12, 12, 12, 12]
    assert [p.shared_scale for p in layers] == [False, False, False, True]
    assert [p.bias for p in plan(TrainConfig(label_select=False))] == [False, False, False, True]


@pytest.mark.parametrize(
    ("bits", "signed", "expected"), [(1, False, (-1, 1)), (2, True, (-2, 1)), (4, True, (-8, 7)), (4, False, (0, 15))]
)
def test_ranges_of_activations(bits: int, signed: bool, expected: tuple[int, int]) -> None:
    config = TrainConfig(model="mlp", method="qat", activation_bits=bits, signed_activations=signed)
    assert [p.input_range for p in plan(config)] == [(0, 255), expected, expected]


def test_reading_a_config_does_not_import_torch() -> None:
    code = (
        "import sys, a2qplus_train, a2qplus_train.config, a2qplus_train.plan;"
        "assert 'torch' not in sys.modules and 'brevitas' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
