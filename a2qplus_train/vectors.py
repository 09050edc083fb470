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
BATCH = 128


@dataclass(frozen=True)
class ActivationInfo:
    """Type of one quantized activation tensor; `key` is its name in vectors.npz."""

    key: str
    bits: int
    signed: bool
    scale: float


@dataclass(frozen=True)
class Vectors:
    """arrays: what vectors.npz holds; activations: in execution order; scores: float64, the network's output (N, …)."""

    arrays: dict[str, NDArray[Any]]
    activations: list[ActivationInfo]
    scores: NDArray[np.float64]


@torch.no_grad()
def record(frozen: nn.Module, images: NDArray[np.float64], labels: NDArray[Any]) -> Vectors:
    """Run the frozen float64 network over `images` and return its integers, tensor by tensor in execution order.

    images: float64 (N, C, H, W); labels: what belongs to them, (N, …). A quantizer that is called twice in a pass
    gives two tensors, told apart by the number in their keys. `output` holds the network's result: the integers of a
    quantizer at its end (in the shape of the result), else the accumulators of the last layer before any bias, which
    are also computed a second time as an exact integer product.

    Raises VerificationFailed when a value is off its integer grid, when the two computations of the output differ, or
    when `flows.input_quantizer` disagrees with the network's input quantizer.
    """
    parts = [_run(frozen, images[at : at + BATCH]) for at in range(0, len(images), BATCH)]
    infos = parts[0].infos
    arrays: dict[str, NDArray[Any]] = {"input": images, "labels": labels}
    for index, info in enumerate(infos):
        arrays[info.key] = np.concatenate([part.integers[index] for part in parts])
    arrays["output"] = np.concatenate([part.output for part in parts])
    return Vectors(arrays, infos, np.concatenate([part.scores for part in parts]))


@torch.no_grad()
def outputs_of(frozen: nn.Module, images: Any, start: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return what `record` calls output and scores, of the images from `start` < N on and without the other tensors.

    Batch by batch, so that images that are read from files need not fit in memory. Raises VerificationFailed.
    """
    parts = [_run(frozen, images[at : at + BATCH]) for at in range(start, len(images), BATCH)]
    return np.concatenate([part.output for part in parts]), np.concatenate([part.scores for part in parts])


@torch.no_grad()
def scores_of(model: nn.Module, images: Any) -> NDArray[np.float64]:
    """Outputs of a network in evaluation mode over float64 (N, C, H, W) images, batch by batch, in its precision."""
    kind = next(model.parameters()).dtype
    batches = (torch.from_numpy(images[at : at + BATCH]).to(kind) for at in range(0, len(images), BATCH))
    return np.concatenate([np.asarray(model(batch).double().numpy()) for batch in batches])


@dataclass
class _Run:
    """One pass over a batch: the quantized tensors in execution order, the last layer with its input, the result."""

    infos: list[ActivationInfo]
    integers: list[NDArray[np.int64]]
    output: NDArray[np.int64]
    scores: NDArray[np.float64]


def _run(frozen: nn.Module, images: NDArray[np.float64]) -> _Run:
    infos: list[ActivationInfo] = []
    integers: list[NDArray[np.int64]] = []
    last: list[tuple[str, Any, Any, Tensor]] = []

    def quantized(name: str, module: Any, out: Any) -> None:
        quantizer = module.act_quant
        bits, signed, scale = int(quantizer.bit_width()), bool(quantizer.is_signed), float(quantizer.scale())
        infos.append(ActivationInfo(f"quant/{len(infos)}/{name}", bits, signed, scale))
        integers.append(on_grid(name, getattr(out, "value", out).numpy() / scale))
        last.clear()

    def weighted(name: str, module: Any, given: Any, out: Any) -> None:
        last[:] = [(name, module, given, getattr(out, "value", out))]

    hooks = [
        module.register_forward_hook(lambda m, _i, out, name=name: quantized(name, m, out))
        for name, module in activations(frozen).items()
    ]
    hooks += [
        module.register_forward_hook(lambda m, args, out, name=name: weighted(name, m, args[0], out))
        for name, module in weight_layers(frozen).items()
    ]
    result = frozen(torch.from_numpy(images))
    for hook in hooks:
        hook.remove()
    scores: Tensor = getattr(result, "value", result)
    _check_input(images, integers[0], infos[0])
    if last:
        name, layer, given, accumulated = last[0]
        if not torch.equal(accumulated, scores):
            raise VerificationFailed(f"the network's output is not that of its last layer {name}; quantize the output")
        output = _accumulators(name, layer, given, scores.numpy())
    else:
        output = on_grid("output", scores.numpy() / infos[-1].scale)
    return _Run(infos, integers, output, scores.numpy())


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


def _accumulators(name: str, layer: Any, tensor: Any, scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Accumulators of the last layer, from the scores and as an integer product; both must agree."""
    across = (1, -1) + (1,) * (scores.ndim - 2)
    scale = tensor.scale * layer.weight_quant.tensor_quant.scale.reshape(across)
    unbiased = scores - (0.0 if layer.bias is None else layer.bias.numpy().reshape(across))
    from_scores = on_grid(name, unbiased / scale.numpy())
    inputs: Tensor = torch.round(tensor.value / tensor.scale)
    weights = integer_weights(layer).double()
    if isinstance(layer, nn.Conv2d):
        product = functional.conv2d(inputs, weights, None, layer.stride, layer.padding, layer.dilation, layer.groups)
    else:
        product = functional.linear(inputs, weights)
    exact = product.numpy().astype(np.int64)
    if not np.array_equal(from_scores, exact):
        frame, *index = (int(i) for i in np.argwhere(from_scores != exact)[0])
        place = (frame, *index)
        raise VerificationFailed(
            f"layer {name}, frame {frame}, index {', '.join(map(str, index))}: "
            f"expected {exact[place]}, got {from_scores[place]}"
        )
    return exact
