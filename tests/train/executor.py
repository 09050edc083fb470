"""A QONNX file evaluated in float64 from nothing but its own constants.

As qonnx's executor does it, node by node, with its quantizer functions; but that rounds every quantizer's output to
float32, and asks onnxruntime, which has no float64 convolution, for the standard operators. Those go to ONNX's own
reference implementation here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator
from qonnx.custom_op.general.bipolar_quant import binary_quant
from qonnx.custom_op.general.intquant import int_quant


def run_file(path: Path, images: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """Return ([int64 integers of each quantized activation, in graph order], the float64 output).

    images: float64 (N, C, H, W), all at once: the file's batch of one is written in its Reshape nodes only.
    """
    model = onnx.load(str(path))
    graph = model.graph
    opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    context: dict[str, Any] = {t.name: _double(numpy_helper.to_array(t)) for t in graph.initializer}
    constant = set(context)
    context[graph.input[0].name] = images
    integers = []
    for node in graph.node:
        x = {name: context[name] for name in node.input if name}
        if node.op_type == "Resize":
            context[node.output[0]] = _repeat(node, x)
            continue
        if node.op_type not in ("Quant", "BipolarQuant"):
            if node.op_type == "Reshape" and node.input[0] not in constant:
                x[node.input[1]] = np.array([len(images), *x[node.input[1]][1:]])
            outputs = ReferenceEvaluator(node, opsets={"": opset}).run(None, x)
            context.update(zip(node.output, map(_double, outputs), strict=True))
            continue
        if node.op_type == "Quant":
            a = _attributes(node)
            y = int_quant(*x.values(), a["signed"], a["narrow"], a["rounding_mode"].decode())
        else:
            y = binary_quant(*x.values())
        context[node.output[0]] = y
        if node.input[0] not in constant:
            integers.append(np.rint(y / x[node.input[1]]).astype(np.int64))
    return integers, context[graph.output[0].name]


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {entry.name: onnx.helper.get_attribute_value(entry) for entry in node.attribute}


def _repeat(node: onnx.NodeProto, x: dict[str, Any]) -> np.ndarray:
    """Nearest-neighbour upsampling by whole factors; the reference implementation takes seconds for a small map."""
    a = _attributes(node)
    assert (a["mode"], a["nearest_mode"], a["coordinate_transformation_mode"]) == (b"nearest", b"floor", b"asymmetric")
    _, _, *factors = x[node.input[2]]
    assert all(factor == int(factor) >= 1 for factor in factors)
    return x[node.input[0]].repeat(int(factors[0]), axis=2).repeat(int(factors[1]), axis=3)


def _double(value: np.ndarray) -> np.ndarray:
    return value.astype(np.float64) if value.dtype == np.float32 else value
