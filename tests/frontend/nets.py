"""Small Brevitas networks with everything that happens to scales, weights and shapes, and their float64 integers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import brevitas.nn as qnn
import numpy as np
import torch
from brevitas.quant.scaled_int import (
    Int8AccumulatorAwareZeroCenterWeightQuant,
    Int8ActPerTensorFloat,
    Int8WeightPerChannelFloat,
    Int8WeightPerTensorFloat,
    Uint8ActPerTensorFloat,
)
from numpy.typing import NDArray
from torch import nn

from a2qplus_train.freeze import activations, freeze
from a2qplus_train.onnx_file import write_qonnx

Ints = NDArray[np.int64]


def act(bits: int, signed: bool = False, narrow: bool = False) -> nn.Module:
    quant = Int8ActPerTensorFloat if signed else Uint8ActPerTensorFloat
    return qnn.QuantIdentity(act_quant=quant, bit_width=bits, narrow_range=narrow, return_quant_tensor=True)


def relu(bits: int) -> nn.Module:
    return qnn.QuantReLU(bit_width=bits, return_quant_tensor=True)


def conv(i: int, o: int, k: int | tuple[int, int], bias: bool = False, **options: object) -> nn.Module:
    return qnn.QuantConv2d(i, o, k, bias=bias, weight_quant=Int8WeightPerChannelFloat, weight_bit_width=4, **options)


def dense(i: int, o: int, bias: bool = False) -> nn.Module:
    return qnn.QuantLinear(i, o, bias=bias, weight_quant=Int8WeightPerTensorFloat, weight_bit_width=4)


def aware(layer: type[nn.Module], i: int, o: int, *k: int, bits: int) -> nn.Module:
    return layer(
        i, o, *k, bias=False, weight_quant=Int8AccumulatorAwareZeroCenterWeightQuant, weight_bit_width=4,
        weight_accumulator_bit_width=bits,
    )  # fmt: skip


def norm(channels: int, dims: int = 2) -> nn.Module:
    """Batch normalization that has seen training: both signs of gamma, and one gamma of exactly zero."""
    layer = nn.BatchNorm2d(channels) if dims == 2 else nn.BatchNorm1d(channels)
    with torch.no_grad():
        layer.weight.uniform_(0.2, 1.0)
        layer.weight[::2] *= -1
        layer.weight[1] = 0
        layer.bias.uniform_(0.0, 0.7)
    return layer


def convolutional() -> nn.Module:
    """Unsigned; asymmetric map, kernel and padding; stride 2; max-pools; bias; with and without normalization."""
    return nn.Sequential(
        act(8), conv(3, 6, 3, padding=1), norm(6), relu(4), nn.MaxPool2d((2, 3), stride=(2, 1)),
        conv(6, 5, (3, 1), stride=2, padding=(1, 0), bias=True), relu(3), nn.Flatten(),
        dense(5 * 3 * 2, 7), norm(7, dims=1), relu(5), dense(7, 4, bias=True),
    )  # fmt: skip


def perceptron() -> nn.Module:
    """Flattens three channels in NCHW order before the first layer; no normalization, no bias."""
    return nn.Sequential(act(8), nn.Flatten(), dense(3 * 4 * 5, 9), relu(4), dense(9, 4))


def signed_map() -> nn.Module:
    """Signed activations, one narrow; a quantizer on a quantizer; a 1x1 convolution with stride; ends in a map."""
    return nn.Sequential(
        act(8, signed=True, narrow=True), conv(2, 4, 3), norm(4), act(4, signed=True), act(3, signed=True),
        conv(4, 5, 1, stride=2), act(5, signed=True, narrow=True), conv(5, 3, 2, bias=True),
    )  # fmt: skip


def tight() -> nn.Module:
    """A2Q+ at widths that leave channels, and one whole layer (bits=3), without weights; ends in a quantizer."""
    return nn.Sequential(
        act(4), aware(qnn.QuantConv2d, 2, 6, 3, bits=7), norm(6), relu(4),
        aware(qnn.QuantConv2d, 6, 6, 3, bits=3), norm(6), relu(4), nn.Flatten(),
        aware(qnn.QuantLinear, 24, 5, bits=8), norm(5, dims=1), relu(2),
    )  # fmt: skip


@dataclass(frozen=True)
class Net:
    """A network and its frames (C, H, W); `lowest` and `highest` are the extremes of its inputs."""

    build: Callable[[], nn.Module]
    shape: tuple[int, ...]
    lowest: float = 0.0
    highest: float = 2.0


NETS = {
    "convolutional": Net(convolutional, (3, 10, 5)),
    "perceptron": Net(perceptron, (3, 4, 5)),
    "signed_map": Net(signed_map, (2, 8, 10), lowest=-1.5, highest=1.0),
    "tight": Net(tight, (2, 6, 6)),
}


@dataclass(frozen=True, eq=False)
class Reference:
    """The exported file, frames float64 (N, C, H, W), the integers of every quantizer, the output."""

    path: Path
    frames: NDArray[np.float64]
    quant: dict[int, Ints]
    output: NDArray[np.float64]


def reference(name: str, folder: Path) -> Reference:
    """Builds, calibrates, freezes and exports the network; evaluates it in float64."""
    torch.manual_seed(1)
    spec = NETS[name]
    net, span = spec.build(), spec.highest - spec.lowest
    for _ in range(4):
        net(torch.rand(32, *spec.shape) * span + spec.lowest)
    net.eval()
    frozen = freeze(net, torch.zeros((1, *spec.shape)))
    path = folder / f"{name}.onnx"
    write_qonnx(frozen, spec.shape, path)
    frames = np.random.default_rng(2).uniform(spec.lowest, spec.highest, (24, *spec.shape))
    frames[0], frames[1], frames[2] = spec.lowest, spec.highest, 0.0
    frames[3:9] = np.where(frames[3:9] > spec.lowest + 0.8 * span, spec.highest, spec.lowest)  # reach far sums
    quant: dict[int, Ints] = {}

    def note(k: int, value: object) -> None:
        quant[k] = torch.round(value.value / value.scale).to(torch.int64).numpy()  # type: ignore[attr-defined]

    for k, module in enumerate(activations(frozen).values()):
        module.register_forward_hook(lambda _m, _i, out, k=k: note(k, out))
    with torch.no_grad():
        out = frozen(torch.from_numpy(frames))
    return Reference(path, frames, quant, getattr(out, "value", out).numpy())
