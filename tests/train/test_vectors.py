"""Expected integers of networks of any shape: order, repeated quantizers, both kinds of output."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from a2qplus_train import vectors
from a2qplus_train.data.info import input_step
from a2qplus_train.freeze import freeze, integer_weights, weight_layers
from a2qplus_train.vectors import outputs_of, record, scores_of
from flows.errors import VerificationFailed
from tests.train.networks import small_config, untrained


def frames_of(images: torch.Tensor) -> np.ndarray:
    return images.double().numpy()


def names(recorded: vectors.Vectors) -> list[str]:
    return [info.key.split("/", 2)[2] for info in recorded.activations]


def test_a_quantizer_called_twice_gives_two_tensors_in_execution_order() -> None:
    network, images = untrained(small_config("resnet18"))
    found = record(freeze(network, images), frames_of(images), np.zeros(len(images)))
    assert names(found) == [
        "input", "stem.relu",
        "blocks.0.branch.2", "stem.relu", "blocks.0.out",
        "blocks.1.branch.2", "blocks.0.out", "blocks.1.out",
        "blocks.2.branch.2", "blocks.2.shared", "blocks.2.shared", "blocks.2.out",
        "head.relu",
    ]  # fmt: skip
    by_name: dict[str, set[float]] = {}
    for name, info in zip(names(found), found.activations, strict=True):
        by_name.setdefault(name, set()).add(info.scale)
    assert all(len(scales) == 1 for scales in by_name.values()), "both streams of a sum have one scale"
    first, second = (found.arrays[info.key] for info in found.activations if info.key.endswith("/stem.relu"))
    assert not np.array_equal(first, second)


def test_accumulators_of_the_last_layer() -> None:
    config = small_config("cnn", label_select=False)
    network, images = untrained(config)
    frozen = freeze(network, images)
    found = record(frozen, frames_of(images), np.zeros(len(images)))
    layer = weight_layers(frozen)["dense2"]
    inputs = found.arrays[found.activations[-1].key]
    expected = inputs @ integer_weights(layer).numpy().T
    assert np.array_equal(found.arrays["output"], expected)
    assert layer.bias is not None
    scale = found.activations[-1].scale * layer.weight_quant.tensor_quant.scale.flatten().numpy()
    np.testing.assert_allclose(found.scores, expected * scale + layer.bias.detach().numpy(), rtol=0, atol=1e-9)


@pytest.mark.parametrize("model", ["espcn", "espcn_nn", "unet"])
def test_an_image_leaves_as_pixels(model: str) -> None:
    network, images = untrained(small_config(model))
    found = record(freeze(network, images), frames_of(images), np.zeros(len(images)))
    assert names(found)[-1].startswith("output")
    output = found.arrays["output"]
    assert output.shape == (8, 3, 16, 16)
    assert output.min() >= 0
    assert output.max() <= 255
    assert sorted(output.ravel()) == sorted(found.arrays[found.activations[-1].key].ravel()), "a shuffle moves pixels"
    step = float(np.float32(1 / 255))
    assert np.array_equal(np.rint(found.scores / step).astype(np.int64), output)


def test_batches_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    network, images = untrained(small_config("mobilenetv1"))
    frozen = freeze(network, images)
    whole = record(frozen, frames_of(images), np.zeros(len(images)))
    scores = scores_of(frozen, frames_of(images))
    monkeypatch.setattr(vectors, "BATCH", 3)
    parts = record(frozen, frames_of(images), np.zeros(len(images)))
    assert parts.activations == whole.activations
    for key, value in whole.arrays.items():
        assert np.array_equal(parts.arrays[key], value), key
    np.testing.assert_allclose(scores_of(frozen, frames_of(images)), scores, rtol=0, atol=1e-12)


def test_an_output_that_is_not_quantized_is_refused() -> None:
    network, images = untrained(small_config("mlp"))
    open_end = nn.Sequential(freeze(network, images), nn.Softmax(dim=1))
    with pytest.raises(VerificationFailed, match=r"not that of its last layer 0\.dense3"):
        record(open_end, frames_of(images), np.zeros(len(images)))


def test_a_tensor_off_its_grid_is_named() -> None:
    with pytest.raises(VerificationFailed, match=r"layer conv9: a value is 0\.25 away"):
        vectors.on_grid("conv9", np.array([1.0, 2.25]))


@pytest.mark.parametrize("dataset", ["cifar10", "imagenet", "elpv", "photos", "bsd300"])
def test_every_8_bit_pixel_is_its_own_integer(dataset: str) -> None:
    """With the step that the file holds as float32, in float64."""
    from flows.input_quantizer import quantize_input

    pixels = np.arange(256) / 255.0
    step = float(np.float32(input_step(dataset, 8)))
    assert np.array_equal(quantize_input(pixels, step, 0, 8, False, False), np.arange(256))


def test_digits_keep_their_power_of_two() -> None:
    assert input_step("digits", 8) == 1 / 128
    assert input_step("digits", 4) == 1 / 8


def test_outputs_alone_are_those_of_the_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    network, images = untrained(small_config("mlp"))
    frozen = freeze(network, images)
    whole = record(frozen, frames_of(images), np.zeros(len(images)))
    monkeypatch.setattr(vectors, "BATCH", 3)
    output, scores = outputs_of(frozen, frames_of(images), start=1)
    assert np.array_equal(output, whole.arrays["output"][1:])
    np.testing.assert_allclose(scores, whole.scores[1:], rtol=0, atol=1e-12)
