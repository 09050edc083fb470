"""Reading ONNX files without surprises, and small views of their nodes. Uses the plain `onnx` package only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from flows.errors import ConfigError, UnsupportedModel

Array = npt.NDArray[Any]


def read_onnx(path: Path) -> onnx.ModelProto:
    """The ONNX model in `path`, side files of weights included.

    Raises ConfigError where there is no such file, UnsupportedModel where it is not a whole ONNX model.
    """
    if not path.is_file():
        raise ConfigError(f"no model file {path}")
    try:
        model = onnx.load(path)
    except FileNotFoundError as error:
        raise ConfigError(f"{path} keeps its weights in a side file that is missing ({error.filename})") from None
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror or error}") from None
    except Exception as error:  # protobuf raises its own classes, which differ between its implementations
        raise UnsupportedModel(f"{path} is not a readable ONNX file ({_one_line(error)}); export it again") from None
    if not model.graph.node or not model.graph.output or not model.opset_import:
        raise UnsupportedModel(f"{path} is not a whole ONNX model (empty or cut off); export it again")
    try:
        for tensor in model.graph.initializer:
            numpy_helper.to_array(tensor)
    except Exception as error:  # whatever numpy or onnx make of damaged tensors
        raise UnsupportedModel(f"{path}: damaged weights ({_one_line(error)}); export it again") from None
    return model


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


class GraphView:
    """Look-ups on one ONNX graph that is read and not changed: constants, shapes, FINN's data types, producers,
    consumers by tensor.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        graph = model.graph
        self.nodes: Sequence[onnx.NodeProto] = graph.node
        self.constants: dict[str, Array] = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
        self.inputs = [i.name for i in graph.input if i.name not in self.constants]
        self.outputs = [o.name for o in graph.output]
        self.datatypes = {
            entry.tensor_name: parameter.value
            for entry in graph.quantization_annotation
            for parameter in entry.quant_parameter_tensor_names
            if parameter.key == "finn_datatype"
        }
        self._shapes = {
            v.name: tuple(d.dim_value for d in v.type.tensor_type.shape.dim)
            for v in (*graph.value_info, *graph.output, *graph.input)
        }
        self._producer = {name: node for node in graph.node for name in node.output}
        self._consumers: dict[str, list[onnx.NodeProto]] = {}
        for node in graph.node:
            for name in node.input:
                self._consumers.setdefault(name, []).append(node)

    def shape(self, tensor: str) -> tuple[int, ...]:
        """Shape, batch first. Raises UnsupportedModel where the file does not give one."""
        shape = self.constants[tensor].shape if tensor in self.constants else self._shapes.get(tensor, ())
        if not shape or min(shape) < 1:
            raise UnsupportedModel(f"tensor {tensor!r} has no fixed shape; export the model with a fixed input size")
        return shape

    def producer(self, tensor: str) -> onnx.NodeProto | None:
        return self._producer.get(tensor)

    def consumers(self, tensor: str) -> list[onnx.NodeProto]:
        return self._consumers.get(tensor, [])


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """The node's attributes as Python values; strings decoded."""
    values = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    return {k: v.decode() if isinstance(v, bytes) else list(v) if _is_repeated(v) else v for k, v in values.items()}


def _is_repeated(value: Any) -> bool:
    return not isinstance(value, (str, bytes, int, float)) and hasattr(value, "__iter__")


def describe(node: onnx.NodeProto) -> str:
    """Name and operator, as messages show them: Conv_0 (Conv)."""
    return f"{node.name or node.output[0]} ({node.op_type})"


def float_array(values: Array) -> npt.NDArray[np.float64]:
    """float32 constants as float64, exactly."""
    return np.asarray(values, dtype=np.float64)
