"""A quantized network as the QONNX file states it: layers and quantizers of one chain, exact scales between them."""

from __future__ import annotations

from dataclasses import dataclass

from flows.frontend.exact import Affine, Quantizer
from flows.graph import IntArray


@dataclass(frozen=True, eq=False)
class Layer:
    """One Conv, Gemm or MatMul: `weights` int64 (outputs, inputs, KH, KW) or (outputs, inputs).

    `flattened`: (C, H, W) of the map whose NCHW flattening it reads, None where it reads a map or a vector.
    """

    node: str
    op: str
    weights: IntArray
    weight_bits: int
    weight_signed: bool
    inputs: Quantizer
    flattened: tuple[int, int, int] | None


@dataclass(frozen=True, eq=False)
class Activation:
    """One Quant node on activations: codes of `channels[c].scale * integer + offset`, the integers of its source.

    `layer`: index of the layer whose accumulators those integers are, None where they are another quantizer's codes.
    """

    node: str
    quantizer: Quantizer
    channels: tuple[Affine, ...]
    layer: int | None


@dataclass(frozen=True, eq=False)
class Chain:
    """`activations[0]` quantizes the network's input (its channels are empty). `output` is the value per channel.

    input_shape, output_shape: per frame, as the file has them. `last_is_layer`: the output holds accumulators.
    """

    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    layers: tuple[Layer, ...]
    activations: tuple[Activation, ...]
    output: tuple[Affine, ...]
    last_is_layer: bool
