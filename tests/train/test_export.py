"""The contract folder: what is in the file is what was trained."""

from __future__ import annotations

import json
from pathlib import Path

import brevitas.nn as qnn
import numpy as np
import onnx
import pytest
import torch
from brevitas.export import export_qonnx
from brevitas.quant.scaled_int import Int8AccumulatorAwareZeroCenterWeightQuant, Uint8ActPerTensorFloat

from a2qplus_train.budget import bits_for
from a2qplus_train.certificate import certify, certify_layer, within_budget
from a2qplus_train.config import TrainConfig
from a2qplus_train.data import load
from a2qplus_train.export import export
from a2qplus_train.freeze import freeze, integer_weights, weight_layers
from a2qplus_train.models import build_float, build_quantized
from a2qplus_train.onnx_file import compare_weights, read_layers, write_qonnx
from a2qplus_train.plan import plan
from flows.errors import AccumulatorOverflow, VerificationFailed
from tests.train.executor import run_file


@pytest.fixture(scope="module")
def frozen(trained: Path, short_config: TrainConfig) -> torch.nn.Module:
    model = build_quantized(short_config)
    model.load_state_dict(torch.load(trained / "quantized.pt", weights_only=True))
    return freeze(model, torch.zeros(1, 1, 8, 8))


def test_the_file_alone_gives_every_integer(trained: Path) -> None:
    vectors = np.load(trained / "vectors.npz")
    about = json.loads((trained / "training.json").read_text())
    integers, scores = run_file(trained / "model.onnx", vectors["input"])
    assert len(integers) == len(about["activations"])
    for got, info in zip(integers, about["activations"], strict=True):
        assert np.array_equal(got, vectors[info["key"]]), info["key"]
        assert got.max() <= 2 ** info["bits"] - 1
    largest = np.unravel_index(np.abs(vectors["output"]).argmax(), scores.shape)
    step = scores[largest] / vectors["output"][largest]  # one for all classes: `label_select`
    assert np.array_equal(np.rint(scores / step), vectors["output"])
    np.testing.assert_allclose(scores, vectors["output"] * step, rtol=0, atol=1e-9)


def test_vectors_cover_the_whole_test_split(trained: Path, short_config: TrainConfig) -> None:
    vectors, test = np.load(trained / "vectors.npz"), load(short_config).test
    assert np.array_equal(vectors["input"], test.images)
    assert np.array_equal(vectors["labels"], test.labels)
    assert vectors["input"].dtype == np.float64
    keys = [k for k in vectors.files if k.startswith("quant/")]
    assert keys == ["quant/0/input", "quant/1/relu1", "quant/2/relu2", "quant/3/relu3"]
    assert {vectors[k].dtype for k in [*keys, "output", "labels"]} == {np.dtype(np.int64)}
    metric = json.loads((trained / "training.json").read_text())["quant_metric"]
    assert metric == 100 * float((vectors["output"].argmax(axis=1) == test.labels).mean())


def test_exported_integers_are_the_quantizers_and_inside_the_budget(
    trained: Path, frozen: torch.nn.Module, short_config: TrainConfig
) -> None:
    for layer, found in zip(plan(short_config), read_layers(trained / "model.onnx"), strict=True):
        expected = integer_weights(weight_layers(frozen)[layer.name]).numpy()
        assert np.array_equal(found.weights, expected)
        assert within_budget(layer, found.weights, layer.input_bits, False)
        certify_layer(layer, found.weights, layer.input_bits, False)


def test_training_json(trained: Path, short_config: TrainConfig) -> None:
    text = (trained / "training.json").read_text()
    about = json.loads(text)
    assert (about["schema_version"], about["split"], about["metric"]) == (1, "test", "accuracy")
    assert about["input"] == {
        "shape": [1, 8, 8], "bits": 8, "signed": False, "narrow": False, "scale": 1 / 128, "zero_point": 0,
    }  # fmt: skip
    assert [x["accumulator_bits"] for x in about["layers"]] == [None, 10, 10, 10]
    assert [x["op"] for x in about["layers"]] == ["Conv", "Conv", "Gemm", "Gemm"]
    assert all(x["exact_bits"] <= 10 for x in about["layers"][1:])
    assert TrainConfig(**about["config"]) == short_config
    assert "/work" not in text and "/tmp" not in text


def test_one_file_without_machine_paths(trained: Path) -> None:
    content = (trained / "model.onnx").read_bytes()
    assert not list(trained.glob("*.data"))
    for path in (b"/work", b"/tmp", b"site-packages", b"stack_trace"):
        assert path not in content
    onnx.checker.check_model(onnx.load_from_string(content), full_check=False)


@pytest.fixture(scope="module")
def stock() -> torch.nn.Module:
    """A network of nothing but Brevitas' own A2Q+ quantizer."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        qnn.QuantIdentity(act_quant=Uint8ActPerTensorFloat, bit_width=4, return_quant_tensor=True),
        qnn.QuantConv2d(
            4, 8, 3, bias=False, weight_quant=Int8AccumulatorAwareZeroCenterWeightQuant, weight_bit_width=4,
            weight_accumulator_bit_width=11,
        ),
    )  # fmt: skip
    for _ in range(3):
        net(torch.rand(4, 4, 6, 6))
    return net.eval()


def test_stock_brevitas_exports_wrong_weights_and_we_notice(stock: torch.nn.Module, tmp_path: Path) -> None:
    images = torch.rand(16, 4, 6, 6)
    expected = stock(images).detach().numpy()
    export_qonnx(stock, images[:1], str(tmp_path / "stock.onnx"))
    _, wrong = run_file(tmp_path / "stock.onnx", images.double().numpy())
    assert np.abs(wrong - expected).max() > expected.std(), "the file computes something else"
    with pytest.raises(VerificationFailed, match="grid"):
        read_layers(tmp_path / "stock.onnx")


def test_our_export_of_the_same_network_is_right(stock: torch.nn.Module, tmp_path: Path) -> None:
    images = torch.rand(16, 4, 6, 6)
    frozen = freeze(stock, images)
    write_qonnx(frozen, (4, 6, 6), tmp_path / "ours.onnx")
    _, output = run_file(tmp_path / "ours.onnx", images.double().numpy())
    np.testing.assert_allclose(output, frozen(images.double()).numpy(), rtol=0, atol=1e-12)
    (layer,) = read_layers(tmp_path / "ours.onnx")
    quantized = stock[1].quant_weight(stock[0](images))
    expected = torch.round(quantized.value / quantized.scale).detach().numpy().astype(np.int64)
    assert np.abs(expected).max() > 0
    compare_weights("conv", layer.weights, expected)


def test_a_changed_weight_is_named() -> None:
    expected = np.zeros((2, 3), dtype=np.int64)
    exported = expected.copy()
    exported[1, 2] = 1
    with pytest.raises(VerificationFailed, match=r"layer conv7.*\(1, 2\): expected 0, got 1"):
        compare_weights("conv7", exported, expected)


def test_an_overflow_is_named() -> None:
    layer = plan(TrainConfig(accumulator_bits=9))[1]
    weights = np.zeros((16, 72), dtype=np.int64)
    weights[3, :17] = 1  # 17 * 15 = 255, the largest value of 9 bits
    assert certify_layer(layer, weights, 4, False).exact_bits == 9
    weights[3, 17] = 1
    with pytest.raises(AccumulatorOverflow, match="layer conv2, output channel 3"):
        certify_layer(layer, weights, 4, False)


@pytest.mark.parametrize(
    ("low", "high", "bits"), [(0, 0, 1), (-1, 0, 1), (0, 1, 2), (-2, 1, 2), (-128, 127, 8), (-129, 0, 9), (0, 128, 9)]
)
def test_bits_for(low: int, high: int, bits: int) -> None:
    assert bits_for(low, high) == bits


def test_certify_a_whole_model(short_config: TrainConfig) -> None:
    certificates = certify(build_quantized(short_config))
    assert [c.name for c in certificates] == [layer.name for layer in plan(short_config)]


def test_freezing_changes_nothing_in_the_model(short_config: TrainConfig) -> None:
    torch.manual_seed(0)
    model = build_quantized(short_config)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    frozen = freeze(model, torch.zeros(1, 1, 8, 8))
    after = model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[k], after[k]) for k in before)
    for value in frozen.buffers():
        if value.is_floating_point():
            assert torch.equal(value.float().double(), value), "every constant must be a float32 value"


def test_fewer_vectors_do_not_change_the_figures(trained: Path, short_config: TrainConfig, tmp_path: Path) -> None:
    """vectors.npz may hold a part of the test split; the metrics are of all of it."""
    config = short_config.model_copy(update={"vector_frames": 100})
    model, float_model = build_quantized(config), build_float(config)
    model.load_state_dict(torch.load(trained / "quantized.pt", weights_only=True))
    float_model.load_state_dict(torch.load(trained / "float.pt", weights_only=True))
    export(model, float_model, config, load(config).test, [], tmp_path)
    few, about = np.load(tmp_path / "vectors.npz"), json.loads((tmp_path / "training.json").read_text())
    whole, before = np.load(trained / "vectors.npz"), json.loads((trained / "training.json").read_text())
    assert len(few["input"]) == about["vector_frames"] == 100
    assert np.array_equal(few["output"], whole["output"][:100])
    assert (about["quant_metric"], about["float_metric"]) == (before["quant_metric"], before["float_metric"])
