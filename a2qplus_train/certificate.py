"""The bound, checked on the integers themselves: per output channel, exact, whatever the training promised."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from a2qplus_train.budget import accumulator_range, bits_for, integer_range, sign_budget
from a2qplus_train.config import TrainConfig
from a2qplus_train.freeze import freeze, integer_weights, weight_layers
from a2qplus_train.plan import IMAGE_SHAPES, LayerPlan, plan
from flows.errors import AccumulatorOverflow


@dataclass(frozen=True)
class LayerCertificate:
    """Exact figures of one layer. Arrays are int64 (outputs,): the range of every partial sum and the ℓ1 norm."""

    name: str
    acc_min: NDArray[np.int64]
    acc_max: NDArray[np.int64]
    l1: NDArray[np.int64]
    exact_bits: int
    sparsity: float


def certify_layer(
    layer: LayerPlan, weights: NDArray[np.int64], input_bits: int, input_signed: bool
) -> LayerCertificate:
    """Compute the certificate of `layer` and refuse weights that break its declared width.

    weights: int64 (outputs, fan-in…). The A2Q+ closed form is not used: after rounding Σq ≠ 0, so only per-sign sums
    with the real input range decide.

    Raises AccumulatorOverflow naming layer, channel, range and width.
    """
    rows = weights.reshape(len(weights), -1)
    low, high = accumulator_range(rows, *integer_range(input_bits, input_signed))
    declared = layer.accumulator_bits
    if declared is not None:
        smallest, largest = integer_range(declared, signed=True)
        outside = np.flatnonzero((low < smallest) | (high > largest))
        if outside.size:
            channel = int(outside[0])
            raise AccumulatorOverflow(
                f"layer {layer.name}, output channel {channel}: accumulator range [{low[channel]}, {high[channel]}] "
                f"does not fit the {declared} bits it was trained for"
            )
    return LayerCertificate(
        name=layer.name,
        acc_min=low,
        acc_max=high,
        l1=np.abs(rows).sum(axis=1),
        exact_bits=bits_for(int(low.min()), int(high.max())),
        sparsity=float((rows == 0).mean()),
    )


def certify(model: nn.Module, config: TrainConfig) -> list[LayerCertificate]:
    """Freeze a trained quantized network and certify every layer with weights, in execution order.

    Raises AccumulatorOverflow.
    """
    frozen = freeze(model, torch.zeros((1, *IMAGE_SHAPES[config.dataset])))
    modules = weight_layers(frozen)
    return [
        certify_layer(layer, integer_weights(modules[layer.name]).numpy(), layer.input_bits, False)
        for layer in plan(config)
    ]


def within_budget(layer: LayerPlan, weights: NDArray[np.int64], input_bits: int, input_signed: bool) -> bool:
    """Say whether every channel keeps to the budget of the layer's method (True where unconstrained)."""
    if layer.accumulator_bits is None:
        return True
    rows = weights.reshape(len(weights), -1)
    allowed = sign_budget(layer.method, layer.accumulator_bits, input_bits, input_signed)
    if layer.method == "a2q":
        return bool((np.abs(rows).sum(axis=1) <= allowed).all())
    positive = np.where(rows > 0, rows, 0).sum(axis=1)
    negative = np.where(rows < 0, -rows, 0).sum(axis=1)
    return bool((np.maximum(positive, negative) <= allowed).all())
