"""The bound, checked on the integers themselves: per output channel, exact, whatever the training promised."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from a2qplus_train.budget import accumulator_range, bits_for, integer_range, l1_budget, sign_budget
from a2qplus_train.freeze import freeze, integer_weights, weight_layers
from a2qplus_train.models import Network
from a2qplus_train.plan import LayerPlan
from flows.errors import AccumulatorOverflow, VerificationFailed
from flows.golden import apply
from flows.graph import MVAU


@dataclass(frozen=True)
class LayerCertificate:
    """Exact figures of one layer. Arrays are int64 (outputs,): the range of every partial sum and the ℓ1 norm.

    `l1_budget` is the largest integer ℓ1 norm that the layer's method allows at its declared width, None where it is
    not constrained; `exact_bits` the narrowest width that holds the range; `sparsity` the share of zero weights.
    """

    name: str
    acc_min: NDArray[np.int64]
    acc_max: NDArray[np.int64]
    l1: NDArray[np.int64]
    l1_budget: int | None
    exact_bits: int
    sparsity: float


def certify_layer(
    layer: LayerPlan, weights: NDArray[np.int64], input_bits: int, input_signed: bool
) -> LayerCertificate:
    """Compute the certificate of `layer` and refuse weights that break its declared width.

    weights: int64 (outputs, fan-in…). The A2Q+ closed form is not used: after rounding Σq ≠ 0, so only per-sign sums
    with the real input range decide. Every channel also goes through the golden model on the two inputs that
    drive it to its ends.

    Raises AccumulatorOverflow naming layer, channel, range and width; VerificationFailed where an input does not reach
    the range that was computed.
    """
    rows = weights.reshape(len(weights), -1)
    # One signed bit is not two's complement (-1 and 0) in a network: it is bipolar.
    input_min, input_max = (-1, 1) if input_signed and input_bits == 1 else integer_range(input_bits, input_signed)
    low, high = accumulator_range(rows, input_min, input_max)
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
    for expected, inputs in zip((low, high), adversarial_inputs(rows, input_min, input_max), strict=True):
        _check_reached(layer.name, rows, inputs, expected)
    budget = None
    if declared is not None and layer.method != "qat":
        budget = int(l1_budget(layer.method, declared, input_bits, input_signed))
    return LayerCertificate(
        name=layer.name,
        acc_min=low,
        acc_max=high,
        l1=np.abs(rows).sum(axis=1),
        l1_budget=budget,
        exact_bits=bits_for(int(low.min()), int(high.max())),
        sparsity=float((rows == 0).mean()),
    )


def adversarial_inputs(
    weights: NDArray[np.int64], input_min: int, input_max: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the input per output channel that drives its sum to the exact minimum, and to the exact maximum.

    weights: int64 (outputs, fan-in); input_min <= 0 <= input_max. Both results are int64 (outputs, fan-in): inputs at
    the end of their range that pushes the sum outward, 0 where the weight is 0.
    """
    up, down = weights > 0, weights < 0
    lowest = np.where(up, input_min, 0) + np.where(down, input_max, 0)
    highest = np.where(up, input_max, 0) + np.where(down, input_min, 0)
    return lowest.astype(np.int64), highest.astype(np.int64)


def _check_reached(
    name: str, weights: NDArray[np.int64], inputs: NDArray[np.int64], expected: NDArray[np.int64]
) -> None:
    got = np.array([
        apply(MVAU(name, ("x",), ("y",), row[:, None]), frame.reshape(1, 1, 1, -1)).item()
        for row, frame in zip(weights, inputs, strict=True)
    ])  # fmt: skip
    wrong = np.flatnonzero(got != expected)
    if wrong.size:
        channel = int(wrong[0])
        raise VerificationFailed(
            f"layer {name}, output channel {channel}: expected {expected[channel]} at the end of the range, "
            f"got {got[channel]}"
        )


def certify(model: Network) -> list[LayerCertificate]:
    """Freeze a trained quantized network and certify every layer with weights, in execution order.

    What is checked is the A2Q+ paper's promise (arXiv 2401.10432, section 3: no partial sum, in any order, leaves
    P bits), on the integers that the export writes.

    Raises AccumulatorOverflow or VerificationFailed (`certify_layer`).
    """
    frozen = freeze(model, torch.zeros((1, *model.config.image_shape)))
    modules = weight_layers(frozen)
    return [
        certify_layer(layer, integer_weights(modules[layer.name]).numpy(), layer.input_bits, layer.input_signed)
        for layer in model.plan
    ]


def within_budget(layer: LayerPlan, weights: NDArray[np.int64], input_bits: int, input_signed: bool) -> bool:
    """Say whether every channel keeps to the budget of the layer's method (True where unconstrained)."""
    if layer.accumulator_bits is None or layer.method == "qat":
        return True
    rows = weights.reshape(len(weights), -1)
    allowed = sign_budget(layer.method, layer.accumulator_bits, input_bits, input_signed)
    if layer.method == "a2q":
        return bool((np.abs(rows).sum(axis=1) <= allowed).all())
    positive = np.where(rows > 0, rows, 0).sum(axis=1)
    negative = np.where(rows < 0, -rows, 0).sum(axis=1)
    return bool((np.maximum(positive, negative) <= allowed).all())
