"""FINN's passes, as a straight list of named steps, run in a process of their own: python -m flows.frontend.passes

FINN prints, reads the environment, starts processes and may not end; here it can do neither harm nor noise.
Standard output carries one JSON object a line: {"steps": [names]}, {"step": name} before each, then {"done": ...} or
{"error": ...}. Where FINN gives up on a network that we can read, "done" says so, and there is no hardware graph.
"""

from __future__ import annotations

import json
import os
import random
import sys
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import onnx
from finn.transformation.fpgadataflow.convert_to_hw.concat import InferConcatLayer
from finn.transformation.fpgadataflow.convert_to_hw.conv_inp_gen import InferConvInpGen
from finn.transformation.fpgadataflow.convert_to_hw.duplicate_streams import InferDuplicateStreamsLayer
from finn.transformation.fpgadataflow.convert_to_hw.elementwise_binary_operation import InferElementwiseBinaryOperation
from finn.transformation.fpgadataflow.convert_to_hw.fm_padding import InferFMPadding
from finn.transformation.fpgadataflow.convert_to_hw.global_acc_pool import InferGlobalAccPoolLayer
from finn.transformation.fpgadataflow.convert_to_hw.label_select import InferLabelSelectLayer
from finn.transformation.fpgadataflow.convert_to_hw.pool import InferPool
from finn.transformation.fpgadataflow.convert_to_hw.quantized_matrix_vector_activation import (
    InferQuantizedMatrixVectorActivation,
)
from finn.transformation.fpgadataflow.convert_to_hw.thresholding import InferThresholdingLayer
from finn.transformation.fpgadataflow.convert_to_hw.upsample import InferUpsample
from finn.transformation.fpgadataflow.convert_to_hw.vector_vector_activation import InferVectorVectorActivation
from finn.transformation.move_reshape import RemoveCNVtoFCFlatten
from finn.transformation.qonnx.convert_qonnx_to_finn import ConvertQONNXtoFINN
from finn.transformation.streamline import Streamline
from finn.transformation.streamline.absorb import (
    AbsorbConsecutiveTransposes,
    AbsorbMulIntoMultiThreshold,
    AbsorbScalarBiasIntoMultiThreshold,
    AbsorbTransposeIntoMultiThreshold,
    AbsorbTransposeIntoResize,
)
from finn.transformation.streamline.reorder import MakeMaxPoolNHWC
from finn.transformation.streamline.round_thresholds import RoundAndClipThresholds
from qonnx.transformation.fold_constants import FoldConstants
from qonnx.transformation.general import (
    GiveReadableTensorNames,
    GiveUniqueNodeNames,
    RemoveStaticGraphInputs,
    RemoveUnusedTensors,
)
from qonnx.transformation.infer_data_layouts import InferDataLayouts
from qonnx.transformation.infer_datatypes import InferDataTypes
from qonnx.transformation.infer_shapes import InferShapes
from qonnx.transformation.insert_topk import InsertTopK
from qonnx.transformation.lower_convs_to_matmul import LowerConvsToMatMul
from qonnx.util.cleanup import cleanup_model

from flows.errors import FlowError
from flows.frontend.finn_ops import load_operators
from flows.frontend.pass_check import PassCheck
from flows.frontend.read_model import read_model
from flows.frontend.streamline_branches import streamline_branches
from flows.frontend.surgery import Cut, bake_constants, cut_head, cut_tail, mean_to_pool, wrap


@dataclass
class State:
    """The model between steps, and what the host has to do with a quantized input frame and with the result.

    `branches`: some tensor is read more than once. `integers`: the input quantizer is cut off. `check`: of the
    integers after every step, from `prepare` on.
    """

    model: Any
    label_select: bool
    head: list[dict[str, Any]] = field(default_factory=list)
    tail: list[Cut] = field(default_factory=list)
    branches: bool = False
    integers: bool = False
    check: PassCheck | None = None

    def apply(self, *transformations: Any) -> None:
        for transformation in transformations:
            self.model = self.model.transform(transformation)

    def cut_tail(self) -> None:
        self.model, cut = cut_tail(self.model)
        self.tail = cut + self.tail


def _tidy(state: State) -> None:
    state.apply(InferShapes(), FoldConstants(), GiveUniqueNodeNames(), GiveReadableTensorNames())
    state.apply(InferDataTypes(), RemoveStaticGraphInputs())


def cleanup(state: State) -> None:
    """Constants folded, nodes and tensors named, exporter's notes (which hold paths) dropped."""
    proto = state.model.model
    del proto.metadata_props[:]
    proto.doc_string = proto.graph.doc_string = ""
    for part in (*proto.graph.node, *proto.graph.value_info, *proto.graph.input, *proto.graph.output):
        del part.metadata_props[:]
        part.doc_string = ""
    first = proto.graph.input[0].type.tensor_type.shape.dim
    if first and not first[0].HasField("dim_value"):
        first[0].dim_value = 1  # a free batch size
    for index, node in enumerate(proto.graph.node):
        node.doc_string = str(index)
    state.model = cleanup_model(state.model)
    _in_order(state.model.graph)


def _in_order(graph: onnx.GraphProto) -> None:
    """Puts the nodes in the exporter's order again, which is the order of execution; qonnx sorts them otherwise."""
    if all(node.doc_string for node in graph.node):
        ordered = sorted(graph.node, key=lambda node: int(node.doc_string))
        del graph.node[:]
        graph.node.extend(ordered)
    for node in graph.node:
        node.doc_string = ""


def prepare(state: State) -> None:
    """The network is checked; its quantized constants become exact multiples of their scales."""
    read_model(state.model.model, state.label_select)
    state.check = PassCheck(read_model(state.model.model))
    state.branches = any(state.model.is_fork_node(node) for node in state.model.graph.node)
    state.model = mean_to_pool(bake_constants(state.model))


def qonnx_to_finn(state: State) -> None:
    """Quant nodes become MultiThreshold nodes and integer weights."""
    state.apply(ConvertQONNXtoFINN())
    _tidy(state)


def streamline(state: State) -> None:
    """Scales and biases move into thresholds, the rest to the end, where it is cut off for the host."""
    state.apply(AbsorbScalarBiasIntoMultiThreshold(), Streamline())
    state.cut_tail()


def lower_convolutions(state: State) -> None:
    """Convolutions become Im2Col and MatMul, in NHWC."""
    if state.model.get_nodes_by_op_type("Conv"):
        state.apply(LowerConvsToMatMul(), MakeMaxPoolNHWC(), AbsorbTransposeIntoMultiThreshold(), MakeMaxPoolNHWC())
        state.apply(AbsorbConsecutiveTransposes(), AbsorbTransposeIntoResize(), AbsorbConsecutiveTransposes())
        state.apply(InferDataLayouts())


def streamline_lowered(state: State) -> None:
    """What the lowering left behind moves on. (A chain needs no more than Streamline.)"""
    state.apply(InferDataLayouts(), streamline_branches() if state.branches else Streamline())
    state.cut_tail()


def cut_host(state: State) -> None:
    """The input quantizer and rearrangements of the frame come off: the graph takes and gives integers."""
    state.apply(InferDataLayouts(), RemoveUnusedTensors())
    state.model, state.head = cut_head(state.model)
    state.integers = True
    if state.label_select:
        state.apply(InsertTopK(k=1))
    _tidy(state)


def convert_to_hw(state: State) -> None:
    """FINN's hardware operators."""
    state.apply(InferDataLayouts(), InferGlobalAccPoolLayer(), InferDataLayouts())
    state.apply(AbsorbTransposeIntoMultiThreshold(), AbsorbMulIntoMultiThreshold(), InferDataLayouts())
    state.apply(InferDataTypes())
    state.apply(RoundAndClipThresholds(), InferThresholdingLayer(), InferQuantizedMatrixVectorActivation())
    state.apply(InferVectorVectorActivation(), InferThresholdingLayer(), InferFMPadding(), InferPool())
    state.apply(InferConvInpGen(), RemoveCNVtoFCFlatten(), InferElementwiseBinaryOperation(), InferConcatLayer())
    state.apply(InferUpsample(), InferLabelSelectLayer(), InferDuplicateStreamsLayer(), AbsorbConsecutiveTransposes())
    state.apply(RemoveCNVtoFCFlatten())
    state.apply(GiveUniqueNodeNames(), GiveReadableTensorNames(), InferDataLayouts(), InferDataTypes(), InferShapes())


STEPS: tuple[Callable[[State], None], ...] = (
    cleanup,
    prepare,
    qonnx_to_finn,
    streamline,
    lower_convolutions,
    streamline_lowered,
    cut_host,
    convert_to_hw,
)


def run(model: Path, folder: Path, label_select: bool, say: Callable[[dict[str, Any]], None]) -> None:
    """Runs every step on the ONNX file `model`, writes the model after each to `folder`, and tells `say`."""
    state = State(wrap(onnx.load(model)), label_select)
    files: list[str] = []
    say({"steps": [step.__name__ for step in STEPS]})
    for index, step in enumerate(STEPS, start=1):
        say({"step": step.__name__})
        try:
            step(state)
            if state.check is not None:
                state.check.check(step.__name__, state.model, state.head, state.tail, state.integers)
        except Exception as error:  # FINN asserts and raises anything
            if isinstance(error, FlowError) or state.check is None:
                raise
            traceback.print_exc()
            note = f"step {step.__name__}: {type(error).__name__}: {' '.join(str(error).split())[:400]}"
            say({"done": {"tidy": files[0], "hardware": None, "note": note}})
            return
        files.append(f"{index:02d}_{step.__name__}.onnx")
        state.model.save(str(folder / files[-1]))
    say({"done": {"tidy": files[0], "hardware": files[-1], "note": ""}})


def main(arguments: list[str]) -> int:
    """MODEL FOLDER LABEL_SELECT(0|1); the exit status is 0 when the last line on standard output is {"done": ...}."""
    model, folder, label_select = arguments
    channel = _own_stdout()

    def say(message: dict[str, Any]) -> None:
        print(json.dumps(message), file=channel, flush=True)

    warnings.simplefilter("ignore")
    load_operators()
    random.seed(0)  # qonnx draws tensor names
    np.random.seed(0)
    try:
        run(Path(model), Path(folder), label_select == "1", say)
    except FlowError as error:
        say({"error": {"type": type(error).__name__, "message": str(error)}})
        return 1
    except Exception as error:  # FINN asserts and raises anything; the caller names the step
        say({"error": {"type": "", "message": f"{type(error).__name__}: {' '.join(str(error).split())[:400]}"}})
        raise
    return 0


def _own_stdout() -> TextIO:
    """Standard output for us alone; what others print goes to standard error, which is the log."""
    own = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return own


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
