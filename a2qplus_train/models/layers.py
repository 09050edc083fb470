"""The two sets of bricks a network is built from: plain float layers, and Brevitas layers of the same names.

A constructor calls the bricks in execution order and names every layer with weights by its path in the network; the
bricks write the plan from these calls, so that there is no second description of a network.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any, Literal

import brevitas.nn as qnn
from torch import nn

from a2qplus_train.config import TrainConfig
from a2qplus_train.data.info import input_step
from a2qplus_train.models.low_bits import bipolar_act, bipolar_weight, signed_act
from a2qplus_train.plan import LayerPlan, method_of
from a2qplus_train.quantizers import LearnedActQuant, fixed_input_quant, pixel_difference, weight_quantizer
from flows.errors import ConfigError

OUTPUT_BITS = 8


class Network(nn.Module):
    """A network that knows its configuration and its layers with weights, in execution order."""

    config: TrainConfig
    plan: tuple[LayerPlan, ...]


class Chain(nn.Sequential, Network):
    """A network without branches."""


class Layers(ABC):
    """What a constructor asks for. Activations are (N, C, H, W) or (N, features); every brick is a new module."""

    def __init__(self, config: TrainConfig) -> None:
        self.config = config
        self.plan: list[LayerPlan] = []

    def conv(
        self,
        name: str,
        inputs: int,
        outputs: int,
        kernel: int = 3,
        stride: int = 1,
        padding: int | None = None,
        groups: int = 1,
        last: bool = False,
    ) -> nn.Module:
        """Square convolution without bias (a BatchNorm follows); the padding keeps the size unless it is given.

        Raises ConfigError for zero padding of bipolar activations.
        """
        pixels = kernel // 2 if padding is None else padding
        fan_in = inputs // groups * kernel * kernel
        layer = self._planned(name, "conv", inputs, outputs, fan_in, last)
        layer = replace(layer, kernel=kernel, stride=stride, padding=pixels, groups=groups)
        if pixels and layer.input_signed and layer.input_bits == 1:
            raise ConfigError(
                f"layer {name}: 1-bit activations are -1 or 1, zero padding is neither; use the model 'cnv', whose "
                "convolutions are not padded, or more activation_bits"
            )
        return self._conv(self._write(layer))

    def dense(self, name: str, inputs: int, outputs: int, last: bool = False) -> nn.Module:
        """Fully connected layer; a bias only at the end of a network whose scores leave the FPGA as they are."""
        return self._dense(self._write(self._planned(name, "dense", inputs, outputs, inputs, last)))

    def _planned(
        self, name: str, kind: Literal["conv", "dense"], inputs: int, outputs: int, fan_in: int, last: bool
    ) -> LayerPlan:
        config, first = self.config, not self.plan
        signed = config.signed_activations or config.activation_bits == 1
        bits = config.accumulator_bits
        target = bits.get(name) if isinstance(bits, dict) else bits
        free = (first and not config.constrain_first) or (last and not config.constrain_last)
        if isinstance(bits, dict) and free and target is not None:
            key = "constrain_first" if first else "constrain_last"
            raise ConfigError(
                f"accumulator_bits names {name!r}, which is not constrained; set {key}: true or leave it out"
            )
        weight_bits = config.weight_bits
        if first:
            weight_bits = config.first_layer_weight_bits
        elif last:
            weight_bits = config.last_layer_weight_bits or weight_bits
        scores = last and config.classes is not None
        return LayerPlan(
            name=name,
            kind=kind,
            inputs=inputs,
            outputs=outputs,
            fan_in=fan_in,
            weight_bits=weight_bits,
            input_bits=config.input_bits if first else config.activation_bits,
            input_signed=signed and not first,
            method="qat",
            accumulator_bits=None if free or config.method == "qat" else target,
            shared_scale=scores and config.label_select,
            bias=scores and not config.label_select,
        )

    def _write(self, layer: LayerPlan) -> LayerPlan:
        layer = replace(layer, method=method_of(self.config, layer))
        self.plan.append(layer)
        return layer

    @abstractmethod
    def input(self) -> nn.Module:
        """Quantizer of the image."""

    @abstractmethod
    def act(self) -> nn.Module:
        """Activation function and quantizer. Use one twice where two streams must have the same scale."""

    @abstractmethod
    def output(self) -> nn.Module:
        """Quantizer of an image that leaves the network: 8-bit pixels in [0, 1]."""

    @abstractmethod
    def detail(self) -> nn.Module:
        """Quantizer of what is added to an image: signed, in steps of an 8-bit pixel."""

    @abstractmethod
    def _conv(self, layer: LayerPlan) -> nn.Module: ...

    @abstractmethod
    def _dense(self, layer: LayerPlan) -> nn.Module: ...


class FloatLayers(Layers):
    """Float layers for pre-training."""

    def input(self) -> nn.Module:
        """Nothing to quantize."""
        return nn.Identity()

    def act(self) -> nn.Module:
        """ReLU, or the hard tanh that signed activations approximate."""
        signed = self.config.signed_activations or self.config.activation_bits == 1
        return nn.Hardtanh() if signed else nn.ReLU()

    def output(self) -> nn.Module:
        """Pixels are not negative."""
        return nn.ReLU()

    def detail(self) -> nn.Module:
        """Nothing to quantize."""
        return nn.Identity()

    def _conv(self, layer: LayerPlan) -> nn.Module:
        return nn.Conv2d(
            layer.inputs, layer.outputs, layer.kernel, layer.stride, layer.padding, groups=layer.groups, bias=layer.bias
        )

    def _dense(self, layer: LayerPlan) -> nn.Module:
        return nn.Linear(layer.inputs, layer.outputs, bias=layer.bias)


class QuantLayers(Layers):
    """Brevitas layers; every activation carries its scale and width to the next layer's weight quantizer."""

    def input(self) -> Any:
        """Unsigned input quantizer whose fixed step suits the data set's pixels."""
        step = input_step(self.config.dataset, self.config.input_bits)
        quant = fixed_input_quant(self.config.input_bits).let(fixed_scale=step)
        return qnn.QuantIdentity(act_quant=quant, return_quant_tensor=True)

    def act(self) -> Any:
        """ReLU and unsigned quantizer in one; bipolar at 1 bit; signed quantizer where the configuration says so."""
        bits = self.config.activation_bits
        if bits == 1:
            return qnn.QuantIdentity(act_quant=bipolar_act(), return_quant_tensor=True)
        if self.config.signed_activations:
            return qnn.QuantIdentity(act_quant=signed_act(bits), return_quant_tensor=True)
        return qnn.QuantReLU(act_quant=LearnedActQuant, bit_width=bits, return_quant_tensor=True)

    def output(self) -> Any:
        """ReLU, then 8-bit pixels k / 255."""
        quant = fixed_input_quant(OUTPUT_BITS).let(fixed_scale=1.0 / 255.0)
        return nn.Sequential(nn.ReLU(), qnn.QuantIdentity(act_quant=quant))

    def detail(self) -> Any:
        """-128 / 255 … 127 / 255."""
        return qnn.QuantIdentity(act_quant=pixel_difference(), return_quant_tensor=True)

    def _conv(self, layer: LayerPlan) -> Any:
        return qnn.QuantConv2d(
            layer.inputs,
            layer.outputs,
            layer.kernel,
            stride=layer.stride,
            padding=layer.padding,
            groups=layer.groups,
            bias=layer.bias,
            weight_quant=_weight_quant(layer),
        )

    def _dense(self, layer: LayerPlan) -> Any:
        return qnn.QuantLinear(layer.inputs, layer.outputs, bias=layer.bias, weight_quant=_weight_quant(layer))


def _weight_quant(layer: LayerPlan) -> Any:
    return bipolar_weight(layer.fan_in) if layer.weight_bits == 1 else weight_quantizer(layer)
