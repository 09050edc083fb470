"""The model for FINN's own flow still computes our integers in FINN's Python execution, and carries our choices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from flows.design import Fold, Folding
from flows.frontend import HARDWARE, MODELS, Imported, import_model, write_finn_model
from flows.frontend.onnx_file import attributes
from flows.golden import evaluate
from flows.graph import MVAU, IntArray, IntType
from tests.frontend.conftest import Import
from tests.frontend.qonnx_files import File


@pytest.fixture
def finn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FINN in this process, its folders below tmp_path."""
    monkeypatch.setenv("FINN_BUILD_DIR", str(tmp_path))
    monkeypatch.setenv("FINN_SETTINGS", str(tmp_path / "settings.yaml"))


def execute(path: Path, frame: IntArray) -> dict[str, np.ndarray]:
    """Every tensor of the FINN model for one frame (H, W, C)."""
    from finn.core.onnx_exec import execute_onnx
    from qonnx.core.modelwrapper import ModelWrapper

    model = ModelWrapper(str(path))
    name = model.graph.input[0].name
    x = frame.astype(np.float32).reshape(model.get_tensor_shape(name))
    return dict(execute_onnx(model, {name: x}, return_full_exec_context=True))


def widths(imported: Imported, extra: int = 0) -> dict[str, int]:
    graph = imported.graph
    return {op.name: graph[op.outputs[0]].dtype.bits + extra for op in graph.of_type(MVAU)}


def options(path: Path) -> dict[str, dict[str, object]]:
    return {node.name: attributes(node) for node in onnx.load(path).graph.node}


def data_types(path: Path) -> dict[str, str]:
    return {
        a.tensor_name: a.quant_parameter_tensor_names[0].value for a in onnx.load(path).graph.quantization_annotation
    }


def full_folding(imported: Imported) -> Folding:
    """Some folding of every operator with hardware."""
    folds: dict[str, Fold] = {}
    for op in imported.graph.ops:
        channels = imported.graph[op.inputs[0]].shape[2]
        if isinstance(op, MVAU):
            folds[op.name] = Fold(op.mh, op.mw, ram_style="distributed")
        elif op.kind != "Flatten":
            window = getattr(op, "window", 1)
            folds[op.name] = Fold(channels // window, channels)
    return folds


@pytest.mark.usefixtures("finn")
@pytest.mark.parametrize("name", ["convolutional", "tight"])
def test_finn_computes_our_integers(imported_net: Import, tmp_path: Path, name: str) -> None:
    truth, imported, work = imported_net(name)
    graph = imported.graph
    path = tmp_path / "finn.onnx"
    write_finn_model(work / MODELS / HARDWARE, path, {}, widths(imported))
    frames = imported.input.quantize(truth.frames)[1:4]
    values = evaluate(graph, {graph.inputs[0]: frames})
    for n, frame in enumerate(frames):
        found = execute(path, frame)
        for op in graph.ops:
            tensor = op.outputs[0]
            if op.kind != "Flatten":
                np.testing.assert_array_equal(found[tensor].ravel(), values[tensor][n].ravel(), err_msg=op.name)


@pytest.mark.usefixtures("finn")
def test_finn_selects_our_labels(tmp_path: Path) -> None:
    file = File(4).quant(1.0, 4).dense([[1, -1, 2, 0], [0, 3, 1, -2], [1, 1, 1, 1]], 0.3)
    imported = import_model(file.write(tmp_path), training=None, label_select=True, work=tmp_path / "work")
    path = tmp_path / "finn.onnx"
    write_finn_model(tmp_path / "work" / MODELS / HARDWARE, path, {"LabelSelect_0": Fold(3, 1)}, {"MVAU_0": 9})
    assert options(path)["LabelSelect_0"]["PE"] == 3
    assert options(path)["LabelSelect_0"]["inputDataType"] == "INT9"
    frames = np.random.default_rng(0).integers(0, 16, (8, 1, 1, 4))
    values = evaluate(imported.graph, {imported.graph.inputs[0]: frames})[imported.graph.outputs[0]]
    for frame, expected in zip(frames, values.ravel(), strict=True):
        assert execute(path, frame)["global_out"].ravel() == [expected]


def test_folding_and_widths_are_in_the_model(imported_net: Import, tmp_path: Path) -> None:
    _, imported, work = imported_net("convolutional")
    graph, folding, bits = imported.graph, full_folding(imported), widths(imported, extra=2)
    path = tmp_path / "finn.onnx"
    write_finn_model(work / MODELS / HARDWARE, path, folding, bits)
    written, types = options(path), data_types(path)
    assert set(written) == {op.name for op in graph.ops if op.kind != "Flatten"}
    for op in graph.of_type(MVAU):
        node = written[op.name]
        assert (node["PE"], node["SIMD"], node["ram_style"]) == (op.mh, op.mw, "distributed")
        assert node["accDataType"] == node["outputDataType"] == types[op.outputs[0]] == f"INT{bits[op.name]}"
        assert node["inputDataType"] == str(graph[op.inputs[0]].dtype)
    for op in graph.ops:
        if op.kind in ("FMPadding", "ConvolutionInputGenerator"):
            assert written[op.name]["SIMD"] == folding[op.name].simd
        elif op.kind in ("Thresholding", "Pool"):
            assert written[op.name]["PE"] == folding[op.name].pe


def test_threshold_types_hold_thresholds_and_accumulators(imported_net: Import) -> None:
    """A threshold type narrower than the accumulator makes FINN compare wrongly."""
    _, imported, work = imported_net("convolutional")
    graph = imported.graph
    for name, node in options(work / MODELS / HARDWARE).items():
        if name.startswith("Thresholding"):
            op = graph.op(name)
            source = graph[op.inputs[0]]
            assert node["inputDataType"] == str(source.dtype)
            digits = str(node["weightDataType"])
            kind = IntType(int(digits.lstrip("UINT")), not digits.startswith("U"))
            assert kind.holds(source.dtype.min, source.dtype.max)
            assert kind.holds(int(op.thresholds.min()), int(op.thresholds.max()))  # type: ignore[attr-defined]


def test_unknown_names_are_refused(imported_net: Import, tmp_path: Path) -> None:
    _, imported, work = imported_net("convolutional")
    source = work / MODELS / HARDWARE
    with pytest.raises(ValueError, match="MVAU_9"):
        write_finn_model(source, tmp_path / "x.onnx", {"MVAU_9": Fold(1, 1)}, widths(imported))
    with pytest.raises(ValueError, match="MVAU_1"):
        write_finn_model(source, tmp_path / "x.onnx", {}, {"MVAU_0": 12})
