"""FINN's hardware graph with our folding, accumulator types and thresholds, for FINN's own flow to go on with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from flows.design import Fold, Folding
from flows.files import write_text
from flows.frontend.finn_types import finn_name, int_type
from flows.frontend.onnx_file import GraphView, attributes
from flows.graph import MVAU, Graph, IntType, Thresholding

_LANES = {
    "FMPadding": ("SIMD",),
    "ConvolutionInputGenerator": ("SIMD",),
    "MVAU": ("PE", "SIMD"),
    "Thresholding": ("PE",),
    "Pool": ("PE",),
    "LabelSelect": ("PE",),
}
"""FINN's folding attributes of each operator."""
_RAM_STYLE = ("MVAU", "ConvolutionInputGenerator")


def write_finn_model(path_in: Path, path_out: Path, folding: Folding, widths: Mapping[str, int]) -> None:
    """Writes FINN's hardware graph `path_in` (the front end's last model) to `path_out`, ready for SpecializeLayers.

    folding: by node name; nodes that are not named keep theirs. widths: accumulator bits of every MVAU, by name; the
    types of all tensors follow. Raises ValueError for names that the model does not have and for MVAU without width.
    """
    model = onnx.load(path_in)
    _annotate(model, folding, widths)
    _write(model, path_out)


def write_exact(model: onnx.ModelProto, graph: Graph, path: Path) -> None:
    """Writes FINN's hardware graph `model` with the exact thresholds and accumulator ranges of `graph`."""
    nodes = {node.name: node for node in model.graph.node}
    for op in graph.of_type(Thresholding):
        _replace(model, nodes[op.name].input[1], op.thresholds.astype(np.float32))
    for layer in graph.of_type(MVAU):
        node, kind = nodes[layer.name], finn_name(layer.weight_type)
        _set(node, weightDataType=kind)
        _set_annotation(model, node.input[1], kind)
    widths = {t.name: t.dtype.bits for t in graph.tensors.values()}
    _annotate(model, {}, {n.name: widths[n.output[0]] for n in model.graph.node if n.op_type == "MVAU"})
    _write(model, path)


def _write(model: onnx.ModelProto, path: Path) -> None:
    write_text(path, model.SerializeToString(deterministic=True))


def _annotate(model: onnx.ModelProto, folding: Folding, widths: Mapping[str, int]) -> None:
    view = GraphView(model)
    names = {node.name for node in view.nodes}
    unknown = [name for name in (*folding, *widths) if name not in names]
    if unknown:
        raise ValueError(f"no node {unknown[0]!r} in the FINN model")
    missing = [node.name for node in view.nodes if node.op_type == "MVAU" and node.name not in widths]
    if missing:
        raise ValueError(f"no accumulator width for {missing[0]}")
    kind = _annotation(model, view.inputs[0])
    for node in view.nodes:
        options = attributes(node)
        if node.op_type == "MVAU":
            out = IntType(widths[node.name], True)
            _set(node, inputDataType=finn_name(kind), accDataType=finn_name(out), outputDataType=finn_name(out))
        elif node.op_type == "Thresholding":
            out = _known(options["outputDataType"])
            steps = _threshold_type(view.constants[node.input[1]], kind)
            _set(node, inputDataType=finn_name(kind), weightDataType=finn_name(steps))
            _set_annotation(model, node.input[1], finn_name(steps))
        elif node.op_type == "LabelSelect":
            out = IntType.for_range(0, view.shape(node.input[0])[-1] - 1)
            _set(node, inputDataType=finn_name(kind), outputDataType=finn_name(out))
        else:
            out = kind
            keys = (key for key in options if key.lower() in ("inputdatatype", "outputdatatype"))
            _set(node, **dict.fromkeys(keys, finn_name(kind)))
        _set_annotation(model, node.output[0], finn_name(out))
        if node.name in folding:
            _fold(node, folding[node.name])
        kind = out


def _fold(node: onnx.NodeProto, fold: Fold) -> None:
    lanes = {"PE": fold.pe, "SIMD": fold.simd}
    _set(node, **{key: lanes[key] for key in _LANES[node.op_type]})
    if node.op_type in _RAM_STYLE:
        _set(node, ram_style=fold.ram_style)
    if node.op_type == "ConvolutionInputGenerator":
        _set(node, parallel_window=int(fold.parallel_window))


def _threshold_type(values: Any, kind: IntType) -> IntType:
    """As wide as both the thresholds and what they are compared with (a narrower type makes FINN compare wrongly)."""
    return IntType.for_range(min(int(values.min()), kind.min), max(int(values.max()), kind.max))


def _known(name: str) -> IntType:
    kind = int_type(name)
    if kind is None:
        raise ValueError(f"{name} is not an integer type")
    return kind


def _annotation(model: onnx.ModelProto, tensor: str) -> IntType:
    for entry in model.graph.quantization_annotation:
        if entry.tensor_name == tensor:
            for parameter in entry.quant_parameter_tensor_names:
                if parameter.key == "finn_datatype":
                    return _known(parameter.value)
    raise ValueError(f"tensor {tensor!r} has no FINN data type")


def _set_annotation(model: onnx.ModelProto, tensor: str, name: str) -> None:
    for entry in model.graph.quantization_annotation:
        if entry.tensor_name == tensor:
            for parameter in entry.quant_parameter_tensor_names:
                if parameter.key == "finn_datatype":
                    parameter.value = name
                    return
            entry.quant_parameter_tensor_names.append(onnx.StringStringEntryProto(key="finn_datatype", value=name))
            return
    entry = onnx.TensorAnnotation(tensor_name=tensor)
    entry.quant_parameter_tensor_names.append(onnx.StringStringEntryProto(key="finn_datatype", value=name))
    model.graph.quantization_annotation.append(entry)


def _replace(model: onnx.ModelProto, name: str, values: Any) -> None:
    """Gives the initializer `name` new values, of another shape perhaps."""
    tensor = next(t for t in model.graph.initializer if t.name == name)
    tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values), name))
    for info in [v for v in (*model.graph.value_info, *model.graph.input) if v.name == name]:
        info.CopyFrom(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, values.shape))


def _set(node: onnx.NodeProto, **values: Any) -> None:
    for key, value in values.items():
        new = onnx.helper.make_attribute(key, value)
        old = next((a for a in node.attribute if a.name == key), None)
        if old is None:
            node.attribute.append(new)
        else:
            old.CopyFrom(new)
