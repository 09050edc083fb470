"""From a trained network to the exported one: integers fixed, every scale a float32 value, evaluated in float64.

ONNX stores float32 scales. If the reference kept its float64 2^log_scale, a consumer deriving thresholds from the file
would round elsewhere at ties. So the scales are snapped to float32 first, and reference and file share every constant.
"""

from __future__ import annotations

import copy
from typing import Any

import brevitas.nn as qnn
import numpy as np
import torch
from brevitas.proxy.parameter_quant import DecoupledWeightQuantWithInputProxyFromInjector
from torch import Tensor, nn

from a2qplus_train.quantizers import FixedScale

WEIGHT_LAYERS = (qnn.QuantConv2d, qnn.QuantLinear)
ACTIVATIONS = (qnn.QuantIdentity, qnn.QuantReLU)


class FrozenScale(FixedScale):
    """A fixed scale for every tensor quantizer: Brevitas' bipolar one passes no integer threshold."""

    def forward(self, x: Tensor, threshold: Tensor | None = None) -> Tensor:
        """Return the scale."""
        return super().forward(x, self.value if threshold is None else threshold)


class FixedWeights(nn.Module):
    """Tensor quantizer of a frozen layer: integers q times scale, both buffers, whatever is asked.

    q: (outputs, fan-in…), integers as floats; scale: (outputs, 1…) or scalar, float32 values; `results` is the length
    of the tuple that the layer's Brevitas proxy unpacks (4 plain, 6 with pre-scale).
    """

    q: Tensor
    scale: Tensor
    bits: Tensor

    def __init__(self, q: Tensor, scale: Tensor, bits: int, results: int) -> None:
        super().__init__()
        self.register_buffer("q", q)
        self.register_buffer("scale", scale)
        self.register_buffer("bits", torch.tensor(float(bits)))
        self.results = results

    def forward(self, *_: object) -> tuple[Tensor, ...]:
        """Return (weights, scale, zero point, bits[, scale, zero point])."""
        zero = torch.zeros_like(self.bits)
        return (self.q * self.scale, self.scale, zero, self.bits, self.scale, zero)[: self.results]


@torch.no_grad()
def freeze(model: nn.Module, images: Tensor) -> nn.Module:
    """Return a float64 copy in evaluation mode whose constants are all float32 values; `model` is not changed.

    images: (N, C, H, W), any float type; one forward pass tells each weight quantizer its input type. The integers
    are the trained quantizer's, evaluated in float64.
    """
    frozen = copy.deepcopy(model).double().eval()
    inputs: dict[nn.Module, object] = {}
    hooks = [
        layer.register_forward_pre_hook(lambda module, args: inputs.__setitem__(module, args[0]))
        for layer in weight_layers(frozen).values()
    ]
    frozen(images.double())
    for hook in hooks:
        hook.remove()
    for layer in weight_layers(frozen).values():
        _fix_weights(layer, inputs[layer])
    for activation in activations(frozen).values():
        quant = activation.act_quant.fused_activation_quant_proxy.tensor_quant
        quant.scaling_impl = FrozenScale(_snap(activation.act_quant.scale()))
    for module in frozen.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.eps = float(np.float32(module.eps))
    return frozen


def weight_layers(model: nn.Module) -> dict[str, Any]:
    """Return {name: Brevitas layer with weights}, in the order in which they were put into the model."""
    return {name: m for name, m in model.named_modules() if isinstance(m, WEIGHT_LAYERS)}


def activations(model: nn.Module) -> dict[str, Any]:
    """Return {name: Brevitas activation quantizer}, each once, in the order in which they were put into the model."""
    return {name: m for name, m in model.named_modules() if isinstance(m, ACTIVATIONS)}


def integer_weights(layer: Any) -> Tensor:
    """Return the int64 weights of a frozen layer, (outputs, fan-in…)."""
    fixed = layer.weight_quant.tensor_quant
    assert isinstance(fixed, FixedWeights)
    return fixed.q.to(torch.int64)


def _fix_weights(layer: Any, layer_input: object) -> None:
    quantized = layer.quant_weight(layer_input)
    scale = _snap(quantized.scale)
    q = torch.round(quantized.value / quantized.scale)
    with_input = isinstance(layer.weight_quant, DecoupledWeightQuantWithInputProxyFromInjector)
    layer.weight_quant.tensor_quant = FixedWeights(q, scale, int(quantized.bit_width), 6 if with_input else 4)
    layer.weight.copy_(q * scale)


def _snap(value: Tensor) -> Tensor:
    return value.detach().float().double()
