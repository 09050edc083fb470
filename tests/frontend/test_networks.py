"""Brevitas networks through FINN to the graph: every quantized integer must be Brevitas' in float64."""

from __future__ import annotations

import numpy as np
import pytest

from flows.golden import evaluate
from flows.graph import MVAU, ConvolutionInputGenerator, Flatten, FMPadding, IntType, Pool, Thresholding
from flows.ranges import mvau_channel_ranges
from tests.frontend.conftest import Import
from tests.frontend.nets import NETS


@pytest.mark.parametrize("name", NETS)
def test_every_quantized_integer_is_brevitas(imported_net: Import, name: str) -> None:
    truth, imported, _ = imported_net(name)
    graph = imported.graph
    codes = imported.input.quantize(truth.frames)
    values = evaluate(graph, {graph.inputs[0]: codes})
    assert sorted(imported.quant_tensors) == sorted(truth.quant)
    for k, tensor in imported.quant_tensors.items():
        expected = imported.arrange(k, truth.quant[k])
        assert len(np.unique(expected)) > 1, "the test's frames do not move this tensor"
        np.testing.assert_array_equal(values[tensor], expected, err_msg=f"quantizer {k}, {tensor}")
    output = imported.output.apply(values[graph.outputs[0]])
    assert output.shape == truth.output.shape
    np.testing.assert_allclose(output, truth.output, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", NETS)
def test_values_stay_in_the_stated_ranges(imported_net: Import, name: str) -> None:
    truth, imported, _ = imported_net(name)
    graph = imported.graph
    values = evaluate(graph, {graph.inputs[0]: imported.input.quantize(truth.frames)})
    for tensor in graph.tensors.values():
        found = values[tensor.name]
        assert found.shape[1:] == tensor.shape
        assert tensor.lo <= found.min() and found.max() <= tensor.hi, tensor
        assert tensor.dtype.holds(tensor.lo, tensor.hi)
    for op in graph.of_type(MVAU):
        source, out = graph[op.inputs[0]], graph[op.outputs[0]]
        low, high = mvau_channel_ranges(op.weights, source.lo, source.hi)
        assert (out.lo, out.hi) == (low.min(), high.max())
        assert out.dtype == IntType.for_range(out.lo, out.hi, signed=True)
    for op in graph.of_type(Thresholding):
        source = graph[op.inputs[0]]
        assert op.thresholds.min() >= source.lo and op.thresholds.max() <= source.hi + 1


def test_operators_of_the_convolutional_network(imported_net: Import) -> None:
    _, imported, _ = imported_net("convolutional")
    graph = imported.graph
    assert [op.kind for op in graph.ops] == [
        "FMPadding", "ConvolutionInputGenerator", "MVAU", "Thresholding", "ConvolutionInputGenerator", "Pool",
        "FMPadding", "ConvolutionInputGenerator", "MVAU", "Thresholding", "Flatten", "MVAU", "Thresholding", "MVAU",
    ]  # fmt: skip
    assert [op.pad for op in graph.of_type(FMPadding)] == [(1, 1, 1, 1), (1, 0, 1, 0)]
    windows = [(op.kernel, op.stride, op.depthwise) for op in graph.of_type(ConvolutionInputGenerator)]
    assert windows == [((3, 3), (1, 1), False), ((2, 3), (2, 1), True), ((3, 1), (2, 2), False)]
    assert [op.window for op in graph.of_type(Pool)] == [6]
    assert len(graph.of_type(Flatten)) == 1
    assert imported.input.perm == (0, 2, 3, 1)
    assert dict(graph.trained_bits) == dict.fromkeys(op.name for op in graph.of_type(MVAU))


def test_a_gamma_of_zero_makes_a_constant_channel(imported_net: Import) -> None:
    _, imported, _ = imported_net("convolutional")
    graph = imported.graph
    op = graph.of_type(Thresholding)[0]
    source = graph[op.inputs[0]]
    assert set(op.thresholds[1]) <= {source.lo, source.hi + 1}


def test_layers_without_weights_are_constants(imported_net: Import) -> None:
    _, imported, _ = imported_net("tight")
    layers = imported.graph.of_type(MVAU)
    assert not layers[1].weights.any() and layers[0].weights.any()
    out = imported.graph[layers[1].outputs[0]]
    assert (out.lo, out.hi, out.dtype) == (0, 0, IntType(1, True))


def test_a_vector_input_keeps_the_frames_own_order(imported_net: Import) -> None:
    _, imported, _ = imported_net("perceptron")
    assert imported.input.perm is None and imported.input.graph_shape == (1, 1, 60)
    codes = np.arange(60, dtype=np.int64).reshape(1, 3, 4, 5)
    np.testing.assert_array_equal(imported.input.arrange(codes).ravel(), np.arange(60))
    with pytest.raises(ValueError, match="expected"):
        imported.input.arrange(codes.reshape(1, 4, 3, 5))


def test_input_specification_is_the_files(imported_net: Import) -> None:
    _, imported, _ = imported_net("signed_map")
    spec = imported.input
    assert (spec.shape, spec.bits, spec.signed, spec.narrow, spec.zero_point) == ((2, 8, 10), 8, True, True, 0)
    tensor = imported.graph[imported.graph.inputs[0]]
    assert (tensor.shape, tensor.lo, tensor.hi) == ((8, 10, 2), -127, 127)
