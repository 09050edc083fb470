"""Writes small QONNX files node by node, without torch: what a network from elsewhere may look like."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class File:
    """A chain of nodes on one tensor; every method appends one node and moves on to its output."""

    def __init__(self, *shape: int) -> None:
        self.shape: tuple[int, ...] = (1, *shape)
        self.first = helper.make_tensor_value_info("x", TensorProto.FLOAT, self.shape)
        self.tensor = "x"
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.infos: list[onnx.ValueInfoProto] = []
        self.counts: dict[str, int] = {}

    def constant(self, values: Any) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype=np.float32), name))
        return name

    def ints(self, values: list[int]) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype=np.int64), name))
        return name

    def node(self, op: str, *inputs: str, shape: tuple[int, ...] | None = None, **attributes: Any) -> File:
        """Appends `op` on the current tensor and `inputs`; `shape` of the output, batch included, if it changes."""
        name = f"{op}_{self.counts.get(op, 0)}"
        self.counts[op] = self.counts.get(op, 0) + 1
        out = f"{name}_out"
        domain = "qonnx.custom_op.general" if op == "Quant" else ""
        self.nodes.append(helper.make_node(op, [self.tensor, *inputs], [out], name=name, domain=domain, **attributes))
        self.tensor, self.shape = out, shape or self.shape
        self.infos.append(helper.make_tensor_value_info(out, TensorProto.FLOAT, self.shape))
        return self

    def quant(
        self, scale: float, bits: int, signed: bool = False, narrow: bool = False, zero: float = 0, **k: Any
    ) -> File:
        """A quantizer of activations."""
        parameters = self.constant(scale), self.constant(zero), self.constant(bits)
        return self.node(
            "Quant", *parameters, signed=int(signed), narrow=int(narrow), **{"rounding_mode": "ROUND", **k}
        )

    def weights(self, integers: Any, scale: Any, bits: int = 8, signed: bool = True) -> str:
        """Integers times scale behind a Quant node; the name of the quantized tensor. `scale` as Quant takes it."""
        q = np.asarray(integers, dtype=np.float64)
        value = self.constant(q * np.asarray(scale, dtype=np.float32).astype(np.float64))
        out = f"w{len(self.constants)}"
        parameters = [value, self.constant(scale), self.constant(0), self.constant(bits)]
        options = {"signed": int(signed), "narrow": 0, "rounding_mode": "ROUND", "domain": "qonnx.custom_op.general"}
        self.nodes.append(helper.make_node("Quant", parameters, [out], name=f"Q{out}", **options))
        self.infos.append(helper.make_tensor_value_info(out, TensorProto.FLOAT, q.shape))
        return out

    def dense(self, integers: Any, scale: Any, *bias: str, bits: int = 8) -> File:
        """Gemm with weights (outputs, inputs)."""
        w = self.weights(integers, scale, bits)
        return self.node("Gemm", w, *bias, shape=(1, len(integers)), transB=1)

    def relu(self) -> File:
        return self.node("Relu")

    def model(self) -> onnx.ModelProto:
        infos = [i for i in self.infos if i.name != self.tensor]
        last = helper.make_tensor_value_info(self.tensor, TensorProto.FLOAT, self.shape)
        graph = helper.make_graph(self.nodes, "net", [self.first], [last], self.constants, value_info=infos)
        opsets = [helper.make_opsetid("", 13), helper.make_opsetid("qonnx.custom_op.general", 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)

    def write(self, folder: Path) -> Path:
        path = folder / "net.onnx"
        onnx.save(self.model(), str(path))
        return path
