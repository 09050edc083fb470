"""Expected integers of a frozen network: every quantized activation and the last accumulators, from float64."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from a2qplus_train.freeze import activations, integer_weights, weight_layers
from flows.errors import VerificationFailed
from flows.input_quantizer import quantize_input

GRID_TOLERANCE = 1e-6


@dataclass(frozen=True)
class ActivationInfo:
    """Type of one quantized activation tensor; `key` is its name in vectors.npz."""

    key: str
    bits: int
    signed: bool
    scale: float


@dataclass(frozen=True)
class Vectors:
    """arrays: what vectors.npz holds; activations: in execution order; scores: float64 (N, classes)."""

    arrays: dict[str, NDArray[Any]]
    activations: list[ActivationInfo]
    scores: NDArray[np.float64]


@torch.no_grad()
def record(frozen: nn.Module, images: NDArray[np.float64], labels: NDArray[np.int64]) -> Vectors:
    """Run the frozen float64 network over `images` and return its integers.

    images: float64 (N, C, H, W); labels: int64 (N,). `output` holds the accumulators of the last layer (before any
    bias), which are also computed a second time as an exact integer product.

    Raises VerificationFailed when a value is off its integer grid, when the two computations of the output differ, or
    when `flows.input_quantizer` disagrees with the network's input quantizer.
    """
    seen: dict[str, Any] = {}
    named = activations(frozen)
    last_name, last = list(weight_layers(frozen).items())[-1]
    hooks = [
        module.register_forward_hook(lambda _m, _i, out, name=name: seen.__setitem__(name, out))
        for name, module in named.items()
    ]
    hooks.append(last.register_forward_pre_hook(lambda _m, args: seen.__setitem__(last_name, args[0])))
    scores = frozen(torch.from_numpy(images)).numpy()
    for hook in hooks:
        hook.remove()

    arrays: dict[str, NDArray[Any]] = {"input": images, "labels": labels}
    infos = []
    for number, name in enumerate(named):
        tensor = seen[name]
        info = ActivationInfo(f"quant/{number}/{name}", int(tensor.bit_width), bool(tensor.signed), float(tensor.scale))
        arrays[info.key] = on_grid(name, tensor.value.numpy() / info.scale)
        infos.append(info)
    _check_input(images, arrays[infos[0].key], infos[0])
    arrays["output"] = _last_accumulators(last_name, last, seen[last_name], scores)
    return Vectors(arrays, infos, scores)


def on_grid(name: str, values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Round values that must be integers already.

    Raises VerificationFailed when one is farther than 1e-6 from an integer.
    """
    integers = np.rint(values)
    worst = float(np.abs(values - integers).max(initial=0.0))
    if worst > GRID_TOLERANCE:
        raise VerificationFailed(f"layer {name}: a value is {worst:.3g} away from an integer")
    return integers.astype(np.int64)


def _check_input(images: NDArray[np.float64], expected: NDArray[np.int64], info: ActivationInfo) -> None:
    got = quantize_input(images, info.scale, 0, info.bits, info.signed, False)
    if not np.array_equal(got, expected):
        index = tuple(int(i) for i in np.argwhere(got != expected)[0])
        raise VerificationFailed(
            f"input quantizer, frame {index[0]}, index {index[1:]}: expected {expected[index]}, got {got[index]}"
        )


def _last_accumulators(name: str, layer: Any, tensor: Any, scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Accumulators of the last dense layer, from the scores and as an integer product; both must agree."""
    scale = tensor.scale * layer.weight_quant.tensor_quant.scale.reshape(1, -1)
    unbiased = scores - (0.0 if layer.bias is None else layer.bias.numpy())
    from_scores = on_grid(name, unbiased / scale.numpy())
    inputs: Tensor = torch.round(tensor.value / tensor.scale)
    exact = functional.linear(inputs, integer_weights(layer).double()).numpy().astype(np.int64)
    if not np.array_equal(from_scores, exact):
        frame, index = (int(i) for i in np.argwhere(from_scores != exact)[0])
        raise VerificationFailed(
            f"layer {name}, frame {frame}, index {index}: "
            f"expected {exact[frame, index]}, got {from_scores[frame, index]}"
        )
    return exact
