"""Walks a QONNX file from its input to its output."""

from __future__ import annotations

import onnx

from flows.errors import UnsupportedModel
from flows.frontend.chain import Chain
from flows.frontend.chain_rules import RULES, SUPPORTED, Walk
from flows.frontend.onnx_file import GraphView, describe


def read_chain(model: onnx.ModelProto) -> Chain:
    """Walks a tidied QONNX model (`qonnx.util.cleanup`) from its input to its output.

    Raises UnsupportedModel naming the node, its operator and the reason for everything that is not a plain chain of
    supported operators with exactly known integers.
    """
    graph = GraphView(model)
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise UnsupportedModel(
            f"the network has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs; supported: one of each"
        )
    if not any(node.op_type == "Quant" for node in graph.nodes):
        raise UnsupportedModel("the model has no Quant node: it is not quantized, or not exported as QONNX")
    tensor = graph.inputs[0]
    shape = graph.shape(tensor)
    if shape[0] != 1 or len(shape) not in (2, 4):
        raise UnsupportedModel(f"input of shape {shape}; supported: one frame, (1, C, H, W) or (1, features)")
    walk = Walk(graph, shape)
    while tensor != graph.outputs[0]:
        node = _only_consumer(graph, tensor)
        if walk.closed is not None:
            raise UnsupportedModel(f"{describe(node)} follows {walk.closed}, which must be the last node")
        if node.op_type not in RULES:
            raise UnsupportedModel(f"{describe(node)} is not supported; supported: {SUPPORTED}")
        if len(node.output) != 1:
            raise UnsupportedModel(f"{describe(node)} has {len(node.output)} outputs; supported: one")
        RULES[node.op_type](walk, node, tensor)
        tensor = node.output[0]
        walk.shape = graph.shape(tensor)
    return _finish(walk, shape[1:])


def _finish(walk: Walk, input_shape: tuple[int, ...]) -> Chain:
    if walk.relu is not None:
        raise UnsupportedModel(f"{walk.relu} is the last node; a Relu must be followed by a Quant node")
    if not walk.layers:
        raise UnsupportedModel("the network has no Conv, Gemm or MatMul")
    return Chain(
        input_shape, walk.shape[1:], tuple(walk.layers), tuple(walk.activations), walk.channels, walk.last_is_layer
    )


def _only_consumer(graph: GraphView, tensor: str) -> onnx.NodeProto:
    consumers = graph.consumers(tensor)
    if not consumers:
        raise UnsupportedModel(f"tensor {tensor!r} does not lead to the network's output")
    if len(consumers) > 1 or tensor in graph.outputs:
        readers = " and ".join(describe(n) for n in consumers)
        raise UnsupportedModel(f"branches are not supported: the tensor {tensor!r} is read by {readers}")
    return consumers[0]
