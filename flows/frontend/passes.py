"""FINN's passes, as a straight list of named steps, run in a process of their own: python -m flows.frontend.passes

FINN prints, reads the environment, starts processes and may not end; here it can do neither harm nor noise.
Standard output carries one JSON object a line: {"steps": [names]}, {"step": name} before each, then {"done": ...} or
{"error": ...}.
"""

from __future__ import annotations

import json
import os
import random
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import onnx
from finn.transformation.fpgadataflow.convert_to_hw.conv_inp_gen import InferConvInpGen
from finn.transformation.fpgadataflow.convert_to_hw.fm_padding import InferFMPadding
from finn.transformation.fpgadataflow.convert_to_hw.label_select import InferLabelSelectLayer
from finn.transformation.fpgadataflow.convert_to_hw.pool import InferPool
from finn.transformation.fpgadataflow.convert_to_hw.quantized_matrix_vector_activation import (
    InferQuantizedMatrixVectorActivation,
)
from finn.transformation.fpgadataflow.convert_to_hw.thresholding import InferThresholdingLayer
from finn.transformation.move_reshape import RemoveCNVtoFCFlatten
from finn.transformation.qonnx.convert_qonnx_to_finn import ConvertQONNXtoFINN
from finn.transformation.streamline import Streamline
from finn.transformation.streamline.absorb import (
    AbsorbConsecutiveTransposes,
    AbsorbScalarBiasIntoMultiThreshold,
    AbsorbTransposeIntoMultiThreshold,
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
from flows.frontend.host import check_label_select
from flows.frontend.read_chain import read_chain
from flows.frontend.surgery import bake_constants, cut_head, cut_tail, wrap


@dataclass
class State:
    """The model between steps, and what the host has to do with a quantized input frame."""

    model: Any
    label_select: bool
    head: list[dict[str, Any]] = field(default_factory=list)

    def apply(self, *transformations: Any) -> None:
        for transformation in transformations:
            self.model = self.model.transform(transformation)


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
    state.model = cleanup_model(state.model)


def prepare(state: State) -> None:
    """The network is checked; its quantized constants become exact multiples of their scales."""
    chain = read_chain(state.model.model)
    if state.label_select:
        check_label_select(chain)
    state.model = bake_constants(state.model)


def qonnx_to_finn(state: State) -> None:
    """Quant nodes become MultiThreshold nodes and integer weights."""
    state.apply(ConvertQONNXtoFINN())
    _tidy(state)


def streamline(state: State) -> None:
    """Scales and biases move into thresholds, the rest to the end, where it is cut off for the host."""
    state.apply(AbsorbScalarBiasIntoMultiThreshold(), Streamline())
    state.model = cut_tail(state.model)


def lower_convolutions(state: State) -> None:
    """Convolutions become Im2Col and MatMul, in NHWC."""
    if state.model.get_nodes_by_op_type("Conv"):
        state.apply(LowerConvsToMatMul(), MakeMaxPoolNHWC(), AbsorbTransposeIntoMultiThreshold(), MakeMaxPoolNHWC())
        state.apply(AbsorbConsecutiveTransposes(), InferDataLayouts())


def streamline_lowered(state: State) -> None:
    """What the lowering left behind moves on. (A chain needs no StreamlinePlus, which is slow and may not end.)"""
    state.apply(InferDataLayouts(), Streamline())
    state.model = cut_tail(state.model)


def cut_host(state: State) -> None:
    """The input quantizer and rearrangements of the frame come off: the graph takes and gives integers."""
    state.apply(InferDataLayouts(), RemoveUnusedTensors())
    state.model, state.head = cut_head(state.model)
    if state.label_select:
        state.apply(InsertTopK(k=1))
    _tidy(state)


def convert_to_hw(state: State) -> None:
    """FINN's hardware operators."""
    state.apply(InferDataLayouts(), RoundAndClipThresholds(), InferThresholdingLayer())
    state.apply(InferQuantizedMatrixVectorActivation(), InferThresholdingLayer(), InferFMPadding(), InferPool())
    state.apply(InferConvInpGen(), RemoveCNVtoFCFlatten(), InferLabelSelectLayer(), AbsorbConsecutiveTransposes())
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
    state, files = State(wrap(onnx.load(model)), label_select), []
    say({"steps": [step.__name__ for step in STEPS]})
    for index, step in enumerate(STEPS, start=1):
        say({"step": step.__name__})
        step(state)
        files.append(f"{index:02d}_{step.__name__}.onnx")
        state.model.save(str(folder / files[-1]))
    say({"done": {"head": state.head, "tidy": files[0], "hardware": files[-1]}})


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
