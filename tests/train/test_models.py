"""Every network: its plan is what is executed, and its QONNX file gives the frozen network's integers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from a2qplus_train.config import DEFAULT_SHAPES, TrainConfig
from a2qplus_train.freeze import freeze, integer_weights, weight_layers
from a2qplus_train.models import REGISTRY, build_float, build_quantized
from a2qplus_train.onnx_file import read_layers, write_qonnx
from a2qplus_train.plan import plan
from a2qplus_train.vectors import record
from flows.errors import ConfigError
from tests.train.executor import run_file
from tests.train.networks import CASES, SMALL, W1A1, small_config, untrained

QUICK = [("mobilenetv1", "a2q+"), ("resnet18", "a2q"), ("unet", "a2q+"), ("espcn_nn", "qat")]


def test_the_small_forms_are_of_every_model() -> None:
    assert set(SMALL) == set(REGISTRY) == set(DEFAULT_SHAPES)


@pytest.mark.parametrize(("model", "method", "keys"), CASES, ids=str)
def test_the_plan_is_what_is_executed(model: str, method: str, keys: dict) -> None:
    config = small_config(model, method, **keys)
    network = build_quantized(config).eval()
    assert network.plan == plan(config)
    seen = []
    modules = dict(network.named_modules())
    for layer in network.plan:
        hook = lambda m, args, layer=layer: seen.append((layer.name, args[0]))  # noqa: E731
        modules[layer.name].register_forward_pre_hook(hook)
    network(torch.rand(2, *config.image_shape))
    assert [name for name, _ in seen] == [layer.name for layer in network.plan]
    for layer, (_, given) in zip(network.plan, seen, strict=True):
        module = modules[layer.name]
        assert (int(given.bit_width), bool(given.signed)) == (layer.input_bits, layer.input_signed)
        assert module.weight[0].numel() == layer.fan_in
        assert len(module.weight) == layer.outputs
        if layer.kind == "conv":
            found = (*module.kernel_size, *module.stride, *module.padding, module.groups)
            k, s, p = layer.kernel, layer.stride, layer.padding
            assert found == (k, k, s, s, p, p, layer.groups)


@pytest.mark.parametrize("model", SMALL)
def test_float_and_quantized_share_names_and_shapes(model: str) -> None:
    config = small_config(model)
    float_model, quantized = build_float(config), build_quantized(config)
    assert quantized.load_state_dict(float_model.state_dict(), strict=False).unexpected_keys == []
    images = torch.rand(2, *config.image_shape)
    scores = float_model(images)
    assert scores.shape == quantized(images).shape
    if config.classes is None:
        side = config.image_shape[1] * config.upscale
        assert scores.shape == (2, 3, side, side)


IMAGENET = {"dataset": "imagenet", "data_dir": Path("imagenet"), "label_select": False}
CIFAR = {"dataset": "cifar10", "data_dir": Path("cifar10")}


@pytest.mark.parametrize(
    ("model", "keys", "count"),
    [  # as published (torchvision; kuangliu/pytorch-cifar; arXiv 1704.04861 with a bias at its end; FINN's CNV)
        ("resnet18_imagenet", IMAGENET, 11_689_512),
        ("resnet34_imagenet", IMAGENET, 21_797_672),
        ("resnet50_imagenet", IMAGENET, 25_557_032),
        ("mobilenetv1", IMAGENET, 4_231_976),
        ("resnet18", {**CIFAR, "label_select": False}, 11_173_962),
    ],
)
def test_default_shapes_are_the_published_ones(model: str, keys: dict, count: int) -> None:
    with torch.device("meta"):
        network = build_float(TrainConfig(model=model, **keys))
    assert sum(p.numel() for p in network.parameters()) == count


@pytest.mark.parametrize(
    ("keys", "weights"),
    [({"model": "cnv", **CIFAR}, 1_542_848), ({"model": "mlp", "hidden": (64, 64, 64)}, 64 * 64 * 3 + 640)],
    ids=["cnv", "tfc on digits"],
)
def test_finns_shapes(keys: dict, weights: int) -> None:
    assert sum(layer.outputs * layer.fan_in for layer in plan(TrainConfig(**keys))) == weights


def test_the_width_multiplies_every_layer_but_the_ends() -> None:
    layers = plan(TrainConfig(model="mobilenetv1", width=0.25, **CIFAR))
    assert [layers[0].inputs, layers[0].outputs, layers[-1].inputs, layers[-1].outputs] == [3, 8, 256, 10]
    assert sum(layer.depthwise for layer in layers) == 13
    assert [layer.name for layer in layers if layer.stride == 2] == [
        "depthwise2.conv", "depthwise4.conv", "depthwise6.conv", "depthwise12.conv",
    ]  # fmt: skip


def test_a_map_that_cannot_be_halved() -> None:
    with pytest.raises(ConfigError, match="2 poolings of the model 'unet' halve an image of 6 pixels unevenly"):
        plan(small_config("unet", image_size=6))


CASES_OF_EXPORT = [
    pytest.param(
        *case, id="-".join(map(str, case)), marks=() if case[:2] in QUICK and not case[2] else pytest.mark.slow
    )
    for case in CASES
]


@pytest.mark.parametrize(("model", "method", "keys"), CASES_OF_EXPORT)
def test_the_file_gives_the_networks_integers(model: str, method: str, keys: dict, tmp_path: Path) -> None:
    config = small_config(model, method, **keys)
    network, images = untrained(config)
    frozen = freeze(network, images)
    path = tmp_path / "model.onnx"
    write_qonnx(frozen, config.image_shape, path)
    modules = weight_layers(frozen)
    for layer, found in zip(network.plan, read_layers(path), strict=True):
        assert np.array_equal(found.weights, integer_weights(modules[layer.name]).numpy()), layer.name

    frames = images[:4].double().numpy()
    vectors = record(frozen, frames, np.zeros(4, dtype=np.int64))
    integers, output = run_file(path, frames)
    assert len(integers) == len(vectors.activations)
    alive = 0
    for got, info in zip(integers, vectors.activations, strict=True):
        assert np.array_equal(got, vectors.arrays[info.key]), info.key
        alive += len(np.unique(got)) > 1
    assert alive >= len(integers) - 1, "a network of constants proves nothing"
    np.testing.assert_allclose(output, vectors.scores, rtol=0, atol=1e-9)
    assert output.shape == vectors.arrays["output"].shape


def test_bipolar_layers_are_exported_as_such(tmp_path: Path) -> None:
    config = small_config("cnv", "qat", **W1A1)
    network, images = untrained(config)
    frozen = freeze(network, images)
    write_qonnx(frozen, config.image_shape, tmp_path / "model.onnx")
    ops = [node.op_type for node in onnx.load(str(tmp_path / "model.onnx")).graph.node]
    hidden = len(network.plan) - 1
    assert ops.count("BipolarQuant") == len(network.plan) + hidden
    assert ops.count("Quant") == 1, "the 8-bit input"
    for found in read_layers(tmp_path / "model.onnx"):
        assert set(np.unique(found.weights)) == {-1, 1}
