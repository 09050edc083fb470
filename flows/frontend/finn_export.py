"""FINN's hardware graph with our folding, accumulator types and thresholds, for FINN's own flow to go on with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from flows.design import Fold, Folding
from flows.files import write_text
from flows.frontend.finn_types import finn_name, int_type
from flows.frontend.match import Pairing, before_shuffle
from flows.frontend.onnx_file import GraphView, attributes
from flows.graph import Graph, IntType, Thresholding, Weighted

_LANES = {
    "FMPadding": ("SIMD",),
    "ConvolutionInputGenerator": ("SIMD",),
    "MVAU": ("PE", "SIMD"),
    "Thresholding": ("PE",),
    "Pool": ("PE",),
    "LabelSelect": ("PE",),
    "VVAU": ("PE", "SIMD"),
    "ElementwiseAdd": ("PE",),
    "GlobalAccPool": ("PE",),
    "UpsampleNearestNeighbour": ("SIMD",),
    "StreamingConcat": ("SIMD",),
}
"""FINN's folding attributes of each operator."""
_RAM_STYLE = ("MVAU", "VVAU", "ConvolutionInputGenerator")
_WEIGHTED = ("MVAU", "VVAU")
_NOT_IN_FINN = ("DepthToSpace_", "Flatten_")
"""Our operators that FINN leaves to the host, or has no node for."""


def write_finn_model(path_in: Path, path_out: Path, folding: Folding, widths: Mapping[str, int]) -> None:
    """Writes FINN's hardware graph `path_in` (the front end's last model) to `path_out`, ready for SpecializeLayers.

    folding: by node name; nodes that are not named keep theirs. widths: accumulator bits of every MVAU and VVAU, by
    name; the types of all tensors follow. Raises ValueError for names that the model does not have and for layers
    without width.
    """
    model = onnx.load(path_in)
    _annotate(model, folding, widths)
    _write(model, path_out)


def write_exact(model: onnx.ModelProto, graph: Graph, pairing: Pairing, path: Path) -> None:
    """Writes FINN's hardware graph `model` with our names, and the exact thresholds and accumulator ranges of `graph`.

    pairing: FINN's nodes and our operators.
    """
    back = None if pairing.order is None else np.argsort(pairing.order)
    _rename(model, graph, pairing)
    nodes = {node.name: node for node in model.graph.node}
    for op in graph.of_type(Thresholding):
        rows = op.thresholds if back is None or not before_shuffle(graph, op.outputs[0]) else op.thresholds[back]
        _replace(model, nodes[op.name].input[1], rows.astype(np.float32))
    for layer in graph.of_type(Weighted):
        node, kind = nodes[layer.name], finn_name(layer.weight_type)
        _set(node, weightDataType=kind)
        _set_annotation(model, node.input[1], kind)
    widths = {t.name: t.dtype.bits for t in graph.tensors.values()}
    _annotate(model, {}, {op.name: widths[op.outputs[0]] for op in graph.of_type(Weighted)})
    _write(model, path)


def _rename(model: onnx.ModelProto, graph: Graph, pairing: Pairing) -> None:
    """Nodes and what they write get our names; the end of FINN's graph keeps its own, and so do copies of streams."""
    ends = {o.name for o in model.graph.output}
    parameters = {node.input[i] for node in model.graph.node for i in range(1, len(node.input))}
    tensors: dict[str, str] = {}
    for node in model.graph.node:
        if node.name in pairing.names:
            node.name = pairing.names[node.name]
            if node.output[0] not in ends:
                tensors[node.output[0]] = graph.op(node.name).outputs[0]
    taken = {name: f"{name}_finn" for name in (*ends, *parameters) if name in tensors.values() and name not in tensors}
    tensors.update(taken)
    for node in model.graph.node:
        node.input[:] = [tensors.get(name, name) for name in node.input]
        node.output[:] = [tensors.get(name, name) for name in node.output]
    for part in (*model.graph.value_info, *model.graph.initializer, *model.graph.output, *model.graph.input):
        part.name = tensors.get(part.name, part.name)
    for entry in model.graph.quantization_annotation:
        entry.tensor_name = tensors.get(entry.tensor_name, entry.tensor_name)


def _write(model: onnx.ModelProto, path: Path) -> None:
    write_text(path, model.SerializeToString(deterministic=True))


def _annotate(model: onnx.ModelProto, folding: Folding, widths: Mapping[str, int]) -> None:
    view = GraphView(model)
    names = {node.name for node in view.nodes}
    unknown = [name for name in widths if name not in names]
    unknown += [name for name in folding if name not in names and not name.startswith(_NOT_IN_FINN)]
    if unknown:
        raise ValueError(f"no node {unknown[0]!r} in the FINN model")
    missing = [node.name for node in view.nodes if node.op_type in _WEIGHTED and node.name not in widths]
    if missing:
        raise ValueError(f"no accumulator width for {missing[0]}")
    kinds = {view.inputs[0]: _annotation(model, view.inputs[0])}
    for node in view.nodes:
        sources = [kinds[name] for name in node.input if name in kinds]
        out = _types(model, view, node, sources, widths)
        for tensor in node.output:
            kinds[tensor] = out
            _set_annotation(model, tensor, finn_name(out))
        if node.name in folding:
            _fold(node, folding[node.name])


def _types(
    model: onnx.ModelProto, view: GraphView, node: onnx.NodeProto, sources: Sequence[IntType],
    widths: Mapping[str, int],
) -> IntType:  # fmt: skip
    """Notes the types of a node's inputs and parameters in its attributes; the type of its output."""
    options, kind = attributes(node), sources[0]
    if node.op_type in _WEIGHTED:
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
    elif node.op_type == "ElementwiseAdd":
        out = IntType.for_range(sum(k.min for k in sources), sum(k.max for k in sources))
        _set(node, lhs_dtype=finn_name(sources[0]), rhs_dtype=finn_name(sources[1]), out_dtype=finn_name(out))
    elif node.op_type == "GlobalAccPool":
        _, h, w, _ = view.shape(node.input[0])
        out = IntType.for_range(kind.min * h * w, kind.max * h * w)
        _set(node, inputDataType=finn_name(kind))
    elif node.op_type == "StreamingConcat":
        out = IntType.for_range(min(k.min for k in sources), max(k.max for k in sources))
        _set(node, inputDataTypes=[finn_name(k) for k in sources])
    elif node.op_type == "Pool" and options["Function"] != "MaxPool":
        count = int(np.prod(options["KernelSize"]))
        out = IntType.for_range(min(kind.min, 0) * count, kind.max * count)
        _set(node, InputDataType=finn_name(kind), OutputDataType=finn_name(out))
    else:
        out = kind
        keys = (key for key in options if key.lower() in ("inputdatatype", "outputdatatype"))
        _set(node, **dict.fromkeys(keys, finn_name(kind)))
    return out


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
