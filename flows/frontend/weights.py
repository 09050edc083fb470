"""Integer weights of a layer: behind a Quant node, or plain integers with FINN's data type beside them."""

from __future__ import annotations

import numpy as np
import onnx

from flows.errors import UnsupportedModel
from flows.frontend.constants import QuantizedConstant, quantized
from flows.frontend.finn_types import int_type
from flows.frontend.onnx_file import GraphView, attributes, describe, float_array


def layer_weights(view: GraphView, node: onnx.NodeProto) -> QuantizedConstant:
    """The weights of a Conv, ConvTranspose, Gemm or MatMul. Raises UnsupportedModel where they are not integers."""
    found = quantized(view, node.input[1]) or _annotated(view, node, node.input[1])
    if found is None:
        raise UnsupportedModel(
            f"{describe(node)}: its weights must be constants that pass through a Quant node, or integers with a "
            "finn_datatype"
        )
    return found


def _annotated(view: GraphView, node: onnx.NodeProto, tensor: str) -> QuantizedConstant | None:
    """An initializer as FINN's older exports have it: integers, and their type as an annotation."""
    producer = view.producer(tensor)
    if producer is not None and producer.op_type == "Transpose":
        inner = _annotated(view, node, producer.input[0])
        if inner is None:
            return None
        order = attributes(producer).get("perm", list(range(inner.integers.ndim))[::-1])
        integers, scale = inner.integers.transpose(order), inner.scale.transpose(order)
        return QuantizedConstant(integers, scale, inner.bits, inner.signed, inner.bipolar)
    values, name = view.constants.get(tensor), view.datatypes.get(tensor)
    if values is None or name is None or name == "FLOAT32":
        return None
    exact = float_array(values)
    bipolar = name == "BIPOLAR"
    kind = int_type({"BIPOLAR": "INT2", "TERNARY": "INT2"}.get(name, name))
    if kind is None:
        raise UnsupportedModel(f"{describe(node)}: weights of type {name}; supported: integers, BIPOLAR, TERNARY")
    lowest = -1 if name in ("BIPOLAR", "TERNARY") else kind.min
    inside = np.isfinite(exact) & (exact == np.rint(exact)) & (exact >= lowest) & (exact <= kind.max)
    if not inside.all() or (bipolar and np.any(exact == 0)):
        raise UnsupportedModel(f"{describe(node)}: its weights are said to be {name}, and are not")
    scale = np.ones((1,) * values.ndim, dtype=np.float64)
    return QuantizedConstant(exact.astype(np.int64), scale, 1 if bipolar else kind.bits, kind.signed, bipolar)
