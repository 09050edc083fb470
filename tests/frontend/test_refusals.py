"""What the front end does not take: one message that names the node, its operator and the reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from flows.errors import ConfigError, UnsupportedModel, UserError
from flows.frontend import Imported, import_model
from flows.frontend.read_model import read_model
from tests.frontend.qonnx_files import File

ONES = np.ones((3, 4))


def attempt(path: Path, folder: Path) -> Imported:
    return import_model(path, training=None, label_select=False, work=folder / "work")


def start() -> File:
    return File(4).quant(1.0, 4)


def hidden() -> File:
    return start().dense(ONES, 1.0)


def picture() -> File:
    return File(2, 6, 6).quant(1.0, 4)


def convolved(**attributes: object) -> File:
    file = picture()
    channels = 2 // int(str(attributes.get("group", 1)))
    options = {
        "group": 1,
        "pads": [1, 1, 1, 1],
        "kernel_shape": [3, 3],
        "strides": [1, 1],
        "dilations": [1, 1],
        **attributes,
    }
    weights = file.weights(np.ones((2, channels, 3, 3)), np.ones((2, 1, 1, 1)))
    return file.node("Conv", weights, shape=(1, 2, 6, 6), **options)


def branching(op: str, scale: float = 1.0) -> File:
    file = start().dense(np.ones((4, 4)), 1.0).relu().quant(1.0, 4)
    fork = file.tensor
    return file.dense(np.ones((4, 4)), scale).node(op, fork)


def grouped(group: int, channels: int) -> File:
    file = File(channels, 6, 6).quant(1.0, 4)
    weights = file.weights(np.ones((4, channels // group, 3, 3)), np.ones((4, 1, 1, 1)))
    return file.node("Conv", weights, shape=(1, 4, 4, 4), group=group, kernel_shape=[3, 3])


def signed_pool() -> File:
    file = File(2, 6, 6).quant(1.0, 4, signed=True)
    file.node("MaxPool", shape=(1, 2, 4, 4), kernel_shape=[2, 2], strides=[2, 2], pads=[1, 1, 1, 1])
    return file.node("Flatten", shape=(1, 32), axis=1).dense(np.ones((2, 32)), 1.0)


def upsampled(mode: str) -> File:
    file = picture()
    return file.node("Resize", "", file.constant([1.0, 1.0, 2.0, 2.0]), shape=(1, 2, 12, 12), mode=mode)


def second_operand() -> File:
    file = start()
    w = file.weights(np.ones((1, 1)), 1.0)
    node = onnx.helper.make_node("MatMul", [w, file.tensor], ["y"], name="MatMul_0")
    file.nodes.append(node)
    file.tensor, file.shape = "y", (1, 4)
    return file


CASES: dict[str, tuple[Callable[[], File], str]] = {
    "operator": (lambda: convolved().node("Sigmoid"), r"Sigmoid_0 \(Sigmoid\) is not supported; supported: .*Conv"),
    "average pool": (lambda: picture().node("AveragePool", shape=(1, 2, 3, 3)), r"AveragePool_0 \(AveragePool\)"),
    "grouped": (lambda: grouped(2, 4), r"Conv_0 \(Conv\): group = 2 for 4 channels"),
    "multiplied channels": (lambda: grouped(2, 2), r"Conv_0 \(Conv\): group = 2 for 2 channels and 4 outputs"),
    "product": (lambda: branching("Mul"), r"Mul_0 \(Mul\) of two branches"),
    "odd scales": (lambda: branching("Add", 1 / 3), r"Add_0 \(Add\): adds values of the scales"),
    "signed padded pool": (signed_pool, r"MaxPool_0 \(MaxPool\): padding of signed"),
    "linear upsampling": (lambda: upsampled("linear"), r"Resize_0 \(Resize\): linear"),
    "rows joined": (lambda: picture().node("Concat", "Quant_0_out", shape=(1, 2, 12, 6), axis=2), r"Concat_0.*axis 2"),
    "no quantizer": (lambda: File(4).relu(), "no Quant node"),
    "no layer": (lambda: start().relu().quant(1.0, 3), "no Conv, Gemm or MatMul"),
    "raw input": (lambda: File(4).dense(ONES, 1.0), r"Gemm_0 \(Gemm\): its input must come from a Quant node"),
    "raw between": (lambda: start().dense(-ONES, 1.0).relu().dense(np.ones((2, 3)), 1.0), r"Gemm_1.*not from Relu_0"),
    "float weights": (lambda: start().node("Gemm", "w", shape=(1, 3)), r"Gemm_0 \(Gemm\): its weights must be const"),
    "zero point": (lambda: File(4).quant(1.0, 4, zero=3).dense(ONES, 1.0), r"Quant_0 \(Quant\): zero point 3"),
    "rounding": (lambda: File(4).quant(1.0, 4, rounding_mode="FLOOR").dense(ONES, 1.0), r"Quant_0.*rounding FLOOR"),
    "wide": (lambda: File(4).quant(1.0, 9).dense(ONES, 1.0), r"Quant_0 \(Quant\): 9-bit activations"),
    "fraction of a bit": (lambda: File(4).quant(1.0, 2.5).dense(ONES, 1.0), r"Quant_0.*bit width 2.5"),  # type: ignore[arg-type]
    "scale": (lambda: File(4).quant(-1.0, 4).dense(ONES, 1.0), r"Quant_0.*scales must be positive"),
    "scale per input": (lambda: start().dense(ONES, np.ones((1, 4))), r"Gemm_0 \(Gemm\): weight scales of shape"),
    "relu last": (lambda: start().dense(-ONES, 1.0).relu(), r"Relu_0 \(Relu\) is the last node"),
    "no kernel": (lambda: convolved().node("MaxPool", shape=(1, 2, 3, 3)), r"MaxPool_0 \(MaxPool\): kernel_shape"),
    "reshape": (lambda: _reshaped(1, 4, 3, 6), r"Reshape_0 \(Reshape\): \(1, 2, 6, 6\) to"),
    "left operand": (second_operand, r"MatMul_0 \(MatMul\)"),
    "batch": (lambda: _batch(2), r"input of shape \(2, 4\)"),
    "nan": (lambda: _shifted(np.nan), "NaN or infinite"),
}  # fmt: skip


def _batch(n: int) -> File:
    file = start().dense(ONES, 1.0)
    file.first.type.tensor_type.shape.dim[0].dim_value = n
    return file


def _reshaped(*shape: int) -> File:
    file = picture()
    return file.node("Reshape", file.ints(list(shape)), shape=shape)


def _shifted(by: float) -> File:
    file = start().dense(ONES, 1.0)
    return file.node("Add", file.constant(by))


@pytest.mark.parametrize("name", CASES)
def test_the_node_and_the_reason_are_named(name: str) -> None:
    build, message = CASES[name]
    with pytest.raises(UnsupportedModel, match=message) as caught:
        read_model(build().model())
    assert "\n" not in str(caught.value)


def test_the_plain_chains_pass() -> None:
    """What the cases above vary is itself supported."""
    network = read_model(convolved().model())
    assert len(network.layers) == 1
    assert read_model(start().dense(ONES, 1.0).model()).output.shape == (3,)


@pytest.mark.parametrize("name", ["operator", "grouped", "product", "no quantizer"])
def test_unsupported_networks_end_the_import(tmp_path: Path, name: str) -> None:
    build, message = CASES[name]
    with pytest.raises(UnsupportedModel, match=message) as caught:
        attempt(build().write(tmp_path), tmp_path)
    assert caught.value.exit_code == 2


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no model file .*nowhere\.onnx"):
        attempt(tmp_path / "nowhere.onnx", tmp_path)


@pytest.mark.parametrize("content", [b"", b"not a protobuf message at all", b"PK\x03\x04", bytes(range(256))])
def test_not_onnx(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(UnsupportedModel, match=r"model\.onnx.*export it again"):
        attempt(path, tmp_path)


def test_truncated_files_never_pass_for_whole_ones(tmp_path: Path) -> None:
    """Cut at every 7th byte: either refused in one line, or (past the graph and its opsets) still the same graph."""
    whole = start().dense(ONES, 1.0).write(tmp_path)
    data, graph = whole.read_bytes(), onnx.load(whole).graph
    path, refused = tmp_path / "cut.onnx", 0
    from flows.frontend.onnx_file import read_onnx

    for length in range(0, len(data), 7):
        path.write_bytes(data[:length])
        try:
            assert read_onnx(path).graph == graph
        except UserError as error:
            assert "\n" not in str(error) and "cut.onnx" in str(error)
            refused += 1
    assert refused > len(data) / 7 * 0.9


def test_truncated_file_ends_the_import(tmp_path: Path) -> None:
    path = start().dense(ONES, 1.0).write(tmp_path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UnsupportedModel, match="export it again"):
        attempt(path, tmp_path)


def test_missing_side_file(tmp_path: Path) -> None:
    path = start().dense(np.ones((30, 4)), 1.0).write(tmp_path)
    onnx.save(onnx.load(path), str(path), save_as_external_data=True, location="weights.bin", size_threshold=0)
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(UserError, match=r"net\.onnx"):
        attempt(path, tmp_path)


def test_the_work_folder_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "work").write_text("")
    with pytest.raises(ConfigError, match="cannot write"):
        attempt(start().dense(ONES, 1.0).write(tmp_path), tmp_path)
