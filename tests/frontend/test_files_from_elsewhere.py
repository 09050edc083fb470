"""QONNX files that were not made by Brevitas: imported whole, with exact thresholds; or label selection refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from flows.accumulators import analyse
from flows.design import Fold
from flows.errors import ConfigError
from flows.frontend import HARDWARE, MODELS, Imported, import_model, load, save
from flows.golden import evaluate
from flows.graph import MVAU, FMPadding, IntType, LabelSelect, Thresholding
from flows.kernels.registry import kernel_of
from tests.frontend.qonnx_files import File


def imported(file: File, folder: Path, label_select: bool = False) -> Imported:
    return import_model(file.write(folder), training=None, label_select=label_select, work=folder / "work")


def finn_thresholds(folder: Path) -> np.ndarray:
    """Thresholds of the first Thresholding as FINN computed them."""
    path = next((folder / "work" / MODELS).glob("*_convert_to_hw.onnx"))
    return initializers(path, "Thresholding")[0]


def initializers(path: Path, op: str) -> list[np.ndarray]:
    graph = onnx.load(path).graph
    constants = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    return [constants[n.input[1]] for n in graph.node if n.op_type == op]


def test_ties_and_quantized_bias_end_to_end(tmp_path: Path) -> None:
    """y = acc / 2 + bias with bias 0 and 1/2 (from a Quant node of 32 bits): every other boundary is a tie."""
    file = File(4).quant(1.0, 4)
    bias = file.weights([0, 1], 0.5, bits=32)
    file.dense([[1, -1, 2, 0], [0, 3, 1, -2]], 0.5, bias).relu().quant(1.0, 3).dense([[1, 2]], 1.0)
    graph = imported(file, tmp_path).graph
    found = graph.of_type(Thresholding)[0].thresholds
    np.testing.assert_array_equal(found[0], [2, 3, 6, 7, 10, 11, 14])
    np.testing.assert_array_equal(found[1], [1, 2, 5, 6, 9, 10, 13])
    np.testing.assert_array_equal(finn_thresholds(tmp_path)[0], [1, 3, 5, 7, 9, 11, 13])
    np.testing.assert_array_equal(initializers(tmp_path / "work" / MODELS / HARDWARE, "Thresholding")[0], found)


def test_thresholds_do_not_depend_on_float32(tmp_path: Path) -> None:
    """FINN's float32 threshold 1000 + 2**-20 is 1000; the file says that 1000 does not pass."""
    file = File(4).quant(1.0, 8)
    bias = file.constant([-(2.0**-20), 0.0])
    file.dense([[7, -1, 2, 1], [4, 3, 1, -2]], 1.0, bias).relu().quant(2000.0, 2).dense([[1, 2]], 1.0)
    graph = imported(file, tmp_path).graph
    np.testing.assert_array_equal(graph.of_type(Thresholding)[0].thresholds[:, 0], [1001, 1001])
    assert set(finn_thresholds(tmp_path)[:, 0]) == {1000.0}


def test_convolution_with_uneven_padding_and_affine_nodes(tmp_path: Path) -> None:
    """Pads (top 2, left 1, bottom 0, right 3), Sub and Div after it, a MatMul with a turned constant at the end."""
    rng = np.random.default_rng(0)
    weights = rng.integers(-7, 8, (3, 2, 2, 3))
    file = File(2, 5, 6).quant(0.5, 4, signed=True)
    w = file.weights(weights, np.full((3, 1, 1, 1), 0.25), bits=4)
    shape = (1, 3, 6, 8)
    file.node("Conv", w, shape=shape, pads=[2, 1, 0, 3], kernel_shape=[2, 3], strides=[1, 1], dilations=[1, 1], group=1)
    file.node("Sub", file.constant(np.reshape([0.1, -3.0, 2.0], (1, 3, 1, 1))))
    file.node("Div", file.constant(0.75)).relu().quant(0.8, 4)
    file.node("Flatten", shape=(1, 144), axis=1)
    dense = rng.integers(-7, 8, (144, 5))
    file.node("MatMul", file.weights(dense, 0.125, bits=4), shape=(1, 5)).node("Add", file.constant(np.arange(5.0)))
    net = imported(file, tmp_path)
    graph = net.graph
    assert graph.of_type(FMPadding)[0].pad == (2, 1, 0, 3)

    x = rng.uniform(-5, 5, (16, 2, 5, 6))
    codes = np.clip(np.rint(x / 0.5), -8, 7)
    padded = np.pad(codes, ((0, 0), (0, 0), (2, 0), (1, 3)))
    acc = np.zeros((16, 3, 6, 8))
    for i, j in np.ndindex(2, 3):
        acc += np.einsum("nchw,oc->nohw", padded[:, :, i : i + 6, j : j + 8], weights[:, :, i, j])
    y = (acc * 0.125 - np.reshape(np.float32([0.1, -3.0, 2.0]).astype(float), (3, 1, 1))) / 0.75
    hidden = np.clip(np.rint(y / float(np.float32(0.8))), 0, 15)
    out = hidden.reshape(16, -1) @ dense * float(np.float32(0.8)) * 0.125 + np.arange(5.0)

    values = evaluate(graph, {graph.inputs[0]: net.input.quantize(x)})
    np.testing.assert_array_equal(values[net.quant_tensors[1]], hidden.transpose(0, 2, 3, 1))
    np.testing.assert_allclose(net.output.apply(values[graph.outputs[0]]), out, rtol=1e-12)
    assert [step.op for step in net.output.steps] == ["Mul", "Add"] and net.output.steps[1].value.shape == (5,)


def test_the_lowest_weight_of_a_falling_channel(tmp_path: Path) -> None:
    """-8 in 4 bits, turned by a negative scale, needs a fifth bit; its neighbour's -8 does not turn."""
    file = File(4).quant(1.0, 4).dense([[-8, 1, 2, 7], [-8, -8, 3, 7]], 0.5, bits=4)
    file.node("Mul", file.constant([-1.0, 1.0])).relu().quant(1.0, 4).dense([[1, 2]], 1.0)
    net = imported(file, tmp_path)
    first = net.graph.of_type(MVAU)[0]
    np.testing.assert_array_equal(first.weights.T, [[8, -1, -2, -7], [-8, -8, 3, 7]])
    assert first.weight_type == IntType(5, True)
    x = np.random.default_rng(0).integers(0, 16, (40, 4))
    values = evaluate(net.graph, {net.graph.inputs[0]: net.input.quantize(x.astype(float))})
    scores = x @ np.array([[-8, 1, 2, 7], [-8, -8, 3, 7]]).T * [-0.5, 0.5]
    np.testing.assert_array_equal(values[net.quant_tensors[1]].reshape(40, 2), np.clip(np.rint(scores), 0, 15))


def test_weights_are_rounded_exactly(tmp_path: Path) -> None:
    """A weight a hair below 3.5 steps is 3, although float32's quotient is the tie 3.5, which would be 4."""
    rng = np.random.default_rng(0)
    found = ((np.float32(3.5 * s), s) for s in rng.uniform(0.1, 1, 10_000).astype(np.float32))
    weight, scale = next((w, s) for w, s in found if w / s == np.float32(3.5) and float(w) / float(s) < 3.5)
    steps = float(weight) / float(scale)
    net = imported(File(2).quant(1.0, 4).dense([[steps, 1.0], [2.0, -1.0]], scale, bits=4), tmp_path)
    np.testing.assert_array_equal(net.graph.of_type(MVAU)[0].weights.T, [[3, 1], [2, -1]])


def test_unsigned_weights_of_eight_bits(tmp_path: Path) -> None:
    """They are kept as they are; the memory has a ninth bit for their sign."""
    rng = np.random.default_rng(0)
    weights = rng.integers(0, 256, (3, 4))
    weights[0, 0] = 255
    file = File(4).quant(1.0, 4)
    file.node("Gemm", file.weights(weights, 0.5, signed=False), shape=(1, 3), transB=1)
    net = imported(file, tmp_path)
    (op,) = net.graph.of_type(MVAU)
    np.testing.assert_array_equal(op.weights.T, weights)
    assert op.weight_type == IntType(8, False)
    widths = analyse(net.graph)[op.name].exact
    low = kernel_of(op).lower(net.graph, op, Fold(1, 1), net.graph[op.inputs[0]].dtype, widths)
    assert low.params["WEIGHT_BITS"] == 9 and low.memories[0].text.splitlines()[0] == "0ff"


def labels(scale: object = 1.0, *bias: float) -> File:
    file = File(4).quant(1.0, 4)
    given = [file.constant(list(bias))] if bias else []
    return file.dense([[1, -1, 2, 0], [0, 3, 1, -2], [1, 1, 1, 1]], scale, *given)


def test_label_select(tmp_path: Path) -> None:
    net = imported(labels(0.3, 2.0, 2.0, 2.0), tmp_path, label_select=True)
    graph = net.graph
    select = graph.ops[-1]
    assert isinstance(select, LabelSelect) and select.name == "LabelSelect_0"
    out = graph[select.outputs[0]]
    assert (out.shape, out.lo, out.hi, out.dtype.bits) == ((1, 1, 1), 0, 2, 2)
    x = np.random.default_rng(0).integers(0, 16, (50, 4))
    x[0] = 0  # all scores equal: the lowest index
    values = evaluate(graph, {graph.inputs[0]: net.input.quantize(x.astype(float))})
    scores = x @ graph.of_type(MVAU)[0].weights
    np.testing.assert_array_equal(net.output.apply(values[select.outputs[0]]).ravel(), scores.argmax(axis=1))


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (labels(np.reshape([0.3, 0.3, 0.4], (3, 1))), "one scale per channel"),
        (labels(0.3, 0.0, 1.0, 0.0), "one bias per channel"),
        (labels(0.3).node("Mul", "negative"), "not positive"),
        (File(4).quant(1.0, 4).dense([[1, 2, 3, 4]], 1.0), "single output"),
    ],
)
def test_label_select_is_refused_where_it_would_be_wrong(tmp_path: Path, file: File, reason: str) -> None:
    file.constants.append(numpy_helper.from_array(np.float32(-1.0).reshape(()), "negative"))
    with pytest.raises(ConfigError, match=f"label_select.*{reason}"):
        imported(file, tmp_path, label_select=True)


def test_save_and_load_are_inverse_and_deterministic(tmp_path: Path) -> None:
    saved = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        net = imported(labels(np.reshape([0.3, 0.3, 0.4], (3, 1)), 0.0, 1.0, 0.5), tmp_path / name)
        save(net, tmp_path / name / "saved")
        files = {p.name: p.read_bytes() for p in sorted((tmp_path / name / "saved").iterdir())}
        models = {p.name: p.read_bytes() for p in sorted((tmp_path / name / "work" / MODELS).iterdir())}
        saved.append((files, models))
    assert saved[0] == saved[1] and len(saved[0][0]) == 2
    again = load(tmp_path / "a" / "saved")
    assert again.input == net.input and again.quant_tensors == net.quant_tensors
    assert again.graph.tensors == net.graph.tensors and again.graph.trained_bits == net.graph.trained_bits
    x = {net.graph.inputs[0]: np.random.default_rng(0).integers(0, 16, (9, 1, 1, 4))}
    ours, theirs = (evaluate(n.graph, x)[net.graph.outputs[0]] for n in (net, again))
    np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(net.output.apply(ours), again.output.apply(theirs))
    save(again, tmp_path / "c")
    assert {p.name: p.read_bytes() for p in sorted((tmp_path / "c").iterdir())} == saved[0][0]


def test_a_damaged_saved_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="run the front end again"):
        load(tmp_path)
    (tmp_path / "imported.json").write_text('{"schema_version": 1}')
    (tmp_path / "imported.npz").write_bytes(b"PK")
    with pytest.raises(ConfigError, match="run the front end again"):
        load(tmp_path)
