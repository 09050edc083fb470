"""From a float checkpoint to a quantized network that starts close to it: EP-init with its scale, then activations."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import brevitas.nn as qnn
import numpy as np
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from a2qplus_train.config import Method, TrainConfig
from a2qplus_train.data import load
from a2qplus_train.loop import to_tensor
from a2qplus_train.models import Network, build_quantized
from a2qplus_train.projection import project_l1, project_zero_sum
from a2qplus_train.quantizers import SMALLEST_NORM, AwareLayer, LearnedScale, aware_layers
from a2qplus_train.rounding import budgeted_weights
from flows.errors import ConfigError

INITS: tuple[str, ...] = get_args(TrainConfig.model_fields["init"].annotation)

SCALES_PER_OCTAVE = 8
OCTAVES = 8
# How far above its integer a weight starts, in steps: enough for float32, small because it is paid from the budget.
MARGIN = 0.1
# Training images that the scales and the BatchNorms' statistics are taken from.
CALIBRATION = 2048


def quantize(
    model: Network, method: Method | None = None, p: int | None = None, images: Tensor | None = None
) -> Network:
    """Return the quantized form of a trained float network, ready for quantization-aware training.

    method, p: override `method` and `accumulator_bits` of `model.config`, which says everything else (widths, which
    layers are constrained, initialization). images: float32 (N, C, H, W) for calibration, by default the first
    training images of the configured data set. The weights become A2Q's (arXiv 2301.13376) or A2Q+'s (arXiv
    2401.10432, eq. 6 and 8), started by `ep_init`.

    Raises ConfigError where method or p does not apply to the network.
    """
    config = _override(model.config, method, p)
    quantized = build_quantized(config)
    quantized.load_state_dict(model.state_dict(), strict=False)
    ep_init(quantized)
    calibrate(quantized, _first_images(config) if images is None else images)
    return quantized


def _override(config: TrainConfig, method: Method | None, p: int | None) -> TrainConfig:
    values = config.model_dump()
    values |= {} if method is None else {"method": method}
    values |= {} if p is None else {"accumulator_bits": p}
    try:
        return TrainConfig(**values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{where}: {first['msg']}" if where else str(first["msg"])) from None


def _first_images(config: TrainConfig) -> Tensor:
    train = load(config).train.images
    return to_tensor(train[np.arange(min(CALIBRATION, len(train)))])


def ep_init(model: Network, how: str | None = None) -> None:
    """Euclidean-projection initialization of every constrained layer, in place; how: by default `model.config.init`.

    budgeted: integers and scale chosen together under the budget, real weights placed on top (see `rounding`).
    joint: exact projection on {Σv = 0} ∩ {‖v‖₁ <= s·T} (A2Q: on the ℓ1 ball), its scale chosen per channel (or per
    tensor where it is shared) by the squared error of the rounded, budgeted weights. projected: exact projection at
    the max-based scale. In these three the norm parameter starts from the weights as the quantizer sees them, centred
    for A2Q+. published: ℓ1 ball and norm without centring, max-based scale (arXiv 2401.10432, section 4.2).
    brevitas: its defaults, no projection: norm ‖v‖₁ without centring, max-based scale.

    Raises ConfigError for another `how`.
    """
    form = model.config.init if how is None else how
    if form not in INITS:
        raise ConfigError(f"there is no initialization {form!r}; choose one of {', '.join(INITS)}")
    for layer in aware_layers(model):
        _init_layer(layer, form)


@torch.no_grad()
def _init_layer(layer: AwareLayer, how: str) -> None:
    core, weight = layer.core, layer.module.weight
    v: Tensor = weight.detach().double().flatten(1)
    budget = float(layer.budget)
    centred = core.method == "a2q+" and how not in ("published", "brevitas")
    ball = project_zero_sum if centred else project_l1
    shared = core.log_scale.numel() == 1

    def steps(scale: Tensor) -> Tensor:
        if how == "brevitas":
            return v / scale
        if how == "budgeted":
            return budgeted_weights(v / scale, budget, MARGIN, core.largest, core.method == "a2q+")
        return ball(v, scale * budget) / scale

    top = v.abs().amax(dim=1, keepdim=True).clamp_min(SMALLEST_NORM)
    if shared:
        top = top.amax().expand_as(top)
    scale = best_scale(v, top, core.largest, steps, shared) if how in ("budgeted", "joint") else top / core.largest
    new = steps(scale) * scale
    seen = new - new.mean(dim=1, keepdim=True) if centred else new
    weight.copy_(new.view_as(weight))
    shape = [-1] + [1] * (weight.dim() - 1)
    core.log_norm.copy_(seen.abs().sum(dim=1).clamp_min(SMALLEST_NORM).log2().view(shape))
    core.log_scale.copy_(scale[0, 0].log2() if shared else scale.log2().view(shape))


@torch.no_grad()
def project_weights(model: Network) -> None:
    """Project every constrained layer back on its ball, in place; to be called after each step of the optimizer.

    The quantizer divides by ‖v - μ‖₁, so without this every weight that a noisy gradient moves away from zero takes
    mass from all others, and channels with a small budget decay to zeros. The projection takes the same amount from
    every weight instead: what is below it stays zero. The function that the layer computes is A2Q's or A2Q+'s.
    """
    for layer in aware_layers(model):
        core, weight = layer.core, layer.module.weight
        radius = torch.minimum(core.log_norm.exp2().flatten(), core.scale().flatten() * float(layer.budget))
        project = project_zero_sum if core.method == "a2q+" else project_l1
        weight.copy_(project(weight.flatten(1), radius.unsqueeze(1)).view_as(weight))


def best_scale(v: Tensor, top: Tensor, largest: int, steps: Callable[[Tensor], Tensor], shared: bool) -> Tensor:
    """Return the step s per row, (rows, 1), that minimizes ‖v - s·clip(RTZ(steps(s)))‖².

    v: float64 (rows, K); top: (rows, 1), the largest s worth a try (one step is the largest weight); largest: clip of
    the integers; steps: s -> real weights in steps, within the budget; shared: one s for all rows. A scale taken from
    max|v| is the wrong end of the search at small P: it rounds every weight of a tightly projected row to zero.
    """
    best = top / largest
    error = torch.full_like(top, torch.inf)
    for step in range(OCTAVES * SCALES_PER_OCTAVE):
        scale = top * 2.0 ** (-step / SCALES_PER_OCTAVE)
        q = torch.clamp(torch.trunc(steps(scale)), -largest, largest)
        here = (v - q * scale).square().sum(dim=1, keepdim=True)
        if shared:
            here = here.sum().expand_as(here)
        best = torch.where(here < error, scale, best)
        error = torch.minimum(here, error)
    return best


@torch.no_grad()
def calibrate(model: nn.Module, images: Tensor) -> None:
    """Set activation scales and BatchNorm statistics from one batch, in place, layer by layer.

    images: float32 (N, C, H, W). The scale of each activation minimizes the squared error of its quantized values;
    BatchNorm takes the statistics that the quantized weights produce (they may be far smaller than the float ones).
    """
    hooks = []
    for module in model.modules():
        if isinstance(module, qnn.QuantReLU):
            hooks.append(module.register_forward_pre_hook(_set_scale))
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
    momenta = [m.momentum for m in norms]
    was_training = model.training
    for norm in norms:
        norm.momentum = 1.0
    model.train()
    model(images)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    for hook in hooks:
        hook.remove()
    model.train(was_training)


def _set_scale(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    assert isinstance(module, qnn.QuantReLU)
    learned = next(m for m in module.modules() if isinstance(m, LearnedScale))
    levels = 2 ** int(module.act_quant.bit_width()) - 1
    x = torch.relu(inputs[0])
    top = float(x.max())
    if top <= 0.0:
        return
    candidates = [top / levels * (1.0 - 0.03 * k) for k in range(26)]
    errors = [float((x - (x / s).round().clamp_max(levels) * s).square().mean()) for s in candidates]
    learned.log_scale.fill_(candidates[errors.index(min(errors))]).log2_()
