"""FINN's older exports: MultiThreshold nodes in the file, integer weights and inputs with a data type beside them."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper

from flows.errors import UnsupportedModel
from flows.frontend.read_model import Network, read_model
from flows.golden import evaluate
from flows.graph import IntArray
from tests.frontend.qonnx_files import File

RNG = np.random.default_rng(5)
FIRST, SECOND = RNG.choice([-1, 1], (6, 5)), RNG.integers(-1, 2, (5, 4))
STEPS = np.sort(RNG.integers(-200, 200, (5, 1)), axis=1) + 0.5


def annotate(model: onnx.ModelProto, tensor: str, name: str) -> None:
    entry = onnx.TensorAnnotation(tensor_name=tensor)
    entry.quant_parameter_tensor_names.append(onnx.StringStringEntryProto(key="finn_datatype", value=name))
    model.graph.quantization_annotation.append(entry)


def old_style(first: str = "BIPOLAR", weights: IntArray = FIRST) -> onnx.ModelProto:
    """UINT8 input, bipolar weights, bipolar activations (out_scale 2, out_bias -1), ternary weights, a scale."""
    file = File(6)
    a, b = file.constant(weights), file.constant(SECOND)
    file.node("MatMul", a, shape=(1, 5)).node("Mul", file.constant(0.25))
    options = {"out_dtype": "BIPOLAR", "out_scale": 2.0, "out_bias": -1.0, "domain": "finn.custom_op.general"}
    node = helper.make_node("MultiThreshold", [file.tensor, file.constant(STEPS)], ["mt"], name="MT", **options)
    file.nodes.append(node)
    file.tensor = "mt"
    file.infos.append(helper.make_tensor_value_info("mt", onnx.TensorProto.FLOAT, (1, 5)))
    file.node("MatMul", b, shape=(1, 4)).node("Mul", file.constant(0.5))
    model = file.model()
    annotate(model, "x", "UINT8")
    annotate(model, a, first)
    annotate(model, b, "TERNARY")
    return model


def run(network: Network, x: IntArray) -> np.ndarray:
    graph = network.graph
    return network.output.apply(evaluate(graph, {graph.inputs[0]: network.input.quantize(x)})[graph.outputs[0]])


@pytest.mark.parametrize("label_select", [False, True])
def test_bipolar_network(label_select: bool) -> None:
    network = read_model(old_style(), label_select)
    x = RNG.integers(0, 256, (60, 6))
    hidden = np.where(x @ FIRST * 0.25 >= STEPS[:, 0], 1, -1)
    assert 0.1 < (hidden > 0).mean() < 0.9
    scores = hidden @ SECOND * 0.5
    expected = scores.argmax(axis=1)[:, None] if label_select else scores
    np.testing.assert_array_equal(run(network, x.astype(float)), expected)


def test_weights_that_are_not_what_they_are_said_to_be() -> None:
    with pytest.raises(UnsupportedModel, match=r"MatMul_0 \(MatMul\): its weights are said to be BIPOLAR, and are not"):
        read_model(old_style(weights=FIRST * 2))
    with pytest.raises(UnsupportedModel, match=r"MatMul_0.*weights of type FIXED<8,4>"):
        read_model(old_style(first="FIXED<8,4>"))
    with pytest.raises(UnsupportedModel, match=r"MatMul_0 \(MatMul\): its weights must be constants"):
        read_model(old_style(first="FLOAT32"))
