"""QONNX on disk: write a frozen network reproducibly, and read back what a consumer will see in the file."""

from __future__ import annotations

import copy
import io
import tempfile
import warnings
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from brevitas.export import export_qonnx
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import nn

from a2qplus_train.quiet import quiet_exporter
from flows.errors import VerificationFailed

WEIGHT_OPS = ("Conv", "Gemm", "MatMul")
QUANTIZERS = ("Quant", "BipolarQuant")


@dataclass(frozen=True)
class FileLayer:
    """One Conv/Gemm/MatMul of the file: its node, operator and integer weights, int64 (outputs, fan-in…)."""

    node: str
    op: str
    weights: NDArray[np.int64]


def write_qonnx(frozen: nn.Module, image_shape: tuple[int, ...], path: Path) -> None:
    """Export a float32 copy of the frozen network for one image of `image_shape` (C, H, W) to `path`.

    One file: weights inlined, no stack traces, no machine paths, the same bytes for the same constants.
    """
    with tempfile.TemporaryDirectory() as scratch:
        raw = Path(scratch) / "raw.onnx"
        # The exporter prints its progress and warns about opsets on every call; a library stays silent.
        with (
            quiet_exporter(),
            warnings.catch_warnings(),
            redirect_stdout(io.StringIO()),
            redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            export_qonnx(copy.deepcopy(frozen).float(), torch.zeros((1, *image_shape)), str(raw))
        model = onnx.load(str(raw))  # reads the side file of the weights too
    strip_metadata(model)
    path.write_bytes(model.SerializeToString(deterministic=True))


def strip_metadata(model: onnx.ModelProto) -> None:
    """Remove documentation strings and metadata (stack traces with machine paths) everywhere, in place."""
    graph = model.graph
    holders: list[Any] = [model, graph, *graph.node, *graph.initializer, *graph.input, *graph.output]
    for holder in [*holders, *graph.value_info]:
        holder.doc_string = ""
        del holder.metadata_props[:]


def read_layers(path: Path) -> list[FileLayer]:
    """Return the layers with weights of a QONNX file in graph order, their weights as the file defines them.

    Raises VerificationFailed where a weight is not the output of a Quant node on constants.
    """
    model = onnx.load(str(path))
    constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    producers = {name: node for node in model.graph.node for name in node.output}
    layers = []
    for node in model.graph.node:
        if node.op_type not in WEIGHT_OPS:
            continue
        transposed = node.op_type == "MatMul"
        source = producers.get(node.input[1])
        while source is not None and source.op_type == "Transpose":
            transposed = not transposed
            source = producers.get(source.input[0])
        if source is None or source.op_type not in QUANTIZERS or any(name not in constants for name in source.input):
            raise VerificationFailed(f"{path.name}: the weights of node {node.name} are not quantized constants")
        if node.op_type == "Gemm":
            transposed ^= not any(a.name == "transB" and a.i for a in node.attribute)
        integers = quant_integers(source, constants)
        layers.append(FileLayer(node.name, node.op_type, integers.T if transposed else integers))
    return layers


def quant_integers(node: onnx.NodeProto, constants: dict[str, NDArray[Any]]) -> NDArray[np.int64]:
    """Evaluate a QONNX Quant node on constants up to the integers: clip(round(x / scale + zero point)), in float64.

    BipolarQuant gives -1 and 1 (0 goes to 1).

    Raises VerificationFailed when the values are off the grid by more than float32 can explain.
    """
    if node.op_type == "BipolarQuant":
        return np.where(constants[node.input[0]] >= 0, 1, -1).astype(np.int64)
    x, scale, zero_point, bits = (constants[name].astype(np.float64) for name in node.input)
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    signed, narrow = bool(attributes.get("signed", 1)), bool(attributes.get("narrow", 0))
    width = int(bits.item())
    low = -(2 ** (width - 1)) + narrow if signed else 0
    high = 2 ** (width - 1) - 1 if signed else 2**width - 1 - narrow
    steps = x / scale + zero_point
    integers = np.rint(steps)
    if np.abs(steps - integers).max(initial=0.0) > 1e-3:
        raise VerificationFailed(f"the weights of Quant node {node.name} do not lie on their grid")
    return np.clip(integers, low, high).astype(np.int64)


def compare_weights(name: str, exported: NDArray[np.int64], expected: NDArray[np.int64]) -> None:
    """Raise VerificationFailed at the first integer weight that differs, naming layer and index."""
    if exported.shape != expected.shape:
        raise VerificationFailed(
            f"layer {name}: exported weights have shape {exported.shape}, the quantizer's {expected.shape}"
        )
    different = np.argwhere(exported != expected)
    if len(different):
        index = tuple(int(i) for i in different[0])
        raise VerificationFailed(
            f"layer {name}: {len(different)} of {expected.size} exported integer weights differ from the quantizer's; "
            f"first at {index}: expected {expected[index]}, got {exported[index]}"
        )
