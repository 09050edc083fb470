"""The two sets of bricks a network is built from: plain float layers, and Brevitas layers of the same names."""

from __future__ import annotations

from typing import Any, Protocol

import brevitas.nn as qnn
from torch import nn

from a2qplus_train.config import TrainConfig
from a2qplus_train.plan import LayerPlan
from a2qplus_train.quantizers import LearnedActQuant, fixed_input_quant, weight_quantizer


class Layers(Protocol):
    """What a constructor asks for; activations and inputs are (N, C, H, W) or (N, features)."""

    def input(self) -> nn.Module: ...

    def conv(self, layer: LayerPlan) -> nn.Module: ...

    def dense(self, layer: LayerPlan) -> nn.Module: ...

    def relu(self) -> nn.Module: ...


class FloatLayers:
    """Float layers for pre-training."""

    def __init__(self, config: TrainConfig) -> None:
        self.config = config

    def input(self) -> nn.Module:
        """Nothing to quantize."""
        return nn.Identity()

    def conv(self, layer: LayerPlan) -> nn.Module:
        """3x3 convolution, same padding, no bias (a BatchNorm follows)."""
        return nn.Conv2d(layer.inputs, layer.outputs, 3, padding=1, bias=layer.bias)

    def dense(self, layer: LayerPlan) -> nn.Module:
        """Fully connected layer."""
        return nn.Linear(layer.inputs, layer.outputs, bias=layer.bias)

    def relu(self) -> nn.Module:
        """ReLU."""
        return nn.ReLU()


class QuantLayers:
    """Brevitas layers; every activation carries its scale and width to the next layer's weight quantizer."""

    def __init__(self, config: TrainConfig) -> None:
        self.config = config

    def input(self) -> Any:
        """Unsigned input quantizer with a fixed power-of-two scale."""
        return qnn.QuantIdentity(act_quant=fixed_input_quant(self.config.input_bits), return_quant_tensor=True)

    def conv(self, layer: LayerPlan) -> Any:
        """3x3 convolution, same padding, quantized weights."""
        return qnn.QuantConv2d(
            layer.inputs, layer.outputs, 3, padding=1, bias=layer.bias, weight_quant=weight_quantizer(layer)
        )

    def dense(self, layer: LayerPlan) -> Any:
        """Fully connected layer, quantized weights, float bias where there is one."""
        return qnn.QuantLinear(layer.inputs, layer.outputs, bias=layer.bias, weight_quant=weight_quantizer(layer))

    def relu(self) -> Any:
        """ReLU and unsigned quantizer in one."""
        bits = self.config.activation_bits
        return qnn.QuantReLU(act_quant=LearnedActQuant, bit_width=bits, return_quant_tensor=True)
