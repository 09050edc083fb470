"""Which rule reads which operator."""

from __future__ import annotations

from collections.abc import Callable

import onnx

from flows.frontend import (
    rules_arithmetic,
    rules_channels,
    rules_layers,
    rules_pixels,
    rules_pool,
    rules_quant,
    rules_select,
    rules_shape,
)
from flows.frontend.reader import Reader

RULES: dict[str, Callable[[Reader, onnx.NodeProto], None]] = {
    "Quant": rules_quant.quant,
    "BipolarQuant": rules_quant.bipolar,
    "Trunc": rules_quant.trunc,
    "MultiThreshold": rules_quant.multithreshold,
    "Conv": rules_layers.conv,
    "ConvTranspose": rules_layers.conv_transpose,
    "Gemm": rules_layers.dense,
    "MatMul": rules_layers.dense,
    "BatchNormalization": rules_arithmetic.batch_norm,
    "Add": rules_arithmetic.arithmetic,
    "Sub": rules_arithmetic.arithmetic,
    "Mul": rules_arithmetic.arithmetic,
    "Div": rules_arithmetic.arithmetic,
    "Neg": rules_arithmetic.negate,
    "Relu": rules_arithmetic.clip,
    "Clip": rules_arithmetic.clip,
    "Identity": rules_arithmetic.identity,
    "Dropout": rules_arithmetic.identity,
    "MaxPool": rules_pool.max_pool,
    "AveragePool": rules_pool.average_pool,
    "GlobalAveragePool": rules_pool.global_average,
    "ReduceMean": rules_pool.global_average,
    "Reshape": rules_shape.reshape,
    "Flatten": rules_shape.reshape,
    "Squeeze": rules_shape.reshape,
    "Unsqueeze": rules_shape.reshape,
    "Transpose": rules_shape.transpose,
    "Concat": rules_channels.concat,
    "Split": rules_channels.split,
    "Slice": rules_channels.slice_,
    "Resize": rules_pixels.resize,
    "Upsample": rules_pixels.resize,
    "DepthToSpace": rules_pixels.depth_to_space,
    "Pad": rules_pixels.pad,
    "TopK": rules_select.top_k,
    "ArgMax": rules_select.top_k,
}
