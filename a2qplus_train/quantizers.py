"""Weight and activation quantizers: Brevitas layers and proxies around cores whose arithmetic is written out here.

The A2Q / A2Q+ core replaces the chain of Brevitas modules by one (same equation, same gradients, a test compares
them) because two things must be possible that the chain has no place for: the integers are repaired where float32
rounding carried them one step over the budget, and a layer may have one scale for all output channels.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import torch
from brevitas.core.scaling import ScalingPerOutputType
from brevitas.quant.scaled_int import (
    Int8AccumulatorAwareWeightQuant,
    Int8AccumulatorAwareZeroCenterWeightQuant,
    Int8WeightPerChannelFloat,
    Int8WeightPerTensorFloat,
    Uint8ActPerTensorFloat,
)
from torch import Tensor, nn

from a2qplus_train.budget import l1_budget, sign_budget
from a2qplus_train.config import Method
from a2qplus_train.plan import LayerPlan

SMALLEST_NORM = 1e-12


class AccumulatorAwareQuant(nn.Module):
    """Tensor quantizer of A2Q (arXiv 2301.13376) and A2Q+ (arXiv 2401.10432, eq. 6 and 8), symmetric, narrow range.

    q = clip(RTZ((v - μ) / ‖v - μ‖₁ · min(g / s, T))), w = s · q, with μ the mean over the fan-in (A2Q: 0),
    g = 2^log_norm per output channel, s = 2^log_scale per output channel (or shared), T the ℓ1 budget. Rounding
    towards zero and clipping only shrink the mass; gradients pass both straight through.
    """

    def __init__(
        self,
        tracked_parameter_list: list[nn.Parameter],
        bit_width: int,
        accumulator_bit_width: int,
        zero_center: bool,
        shared_scale: bool,
    ) -> None:
        super().__init__()
        weight = tracked_parameter_list[0].detach()
        self.bit_width = bit_width
        self.accumulator_bit_width = accumulator_bit_width
        self.method: Method = "a2q+" if zero_center else "a2q"
        self.largest = 2 ** (bit_width - 1) - 1
        self.fan = tuple(range(1, weight.dim()))
        norm = self.centre(weight).abs().sum(dim=self.fan, keepdim=True)
        scale = weight.abs().amax(dim=self.fan, keepdim=True) / self.largest
        if shared_scale:
            scale = scale.amax()
        self.log_norm = nn.Parameter(norm.clamp_min(SMALLEST_NORM).log2())
        self.log_scale = nn.Parameter(scale.clamp_min(SMALLEST_NORM).log2())

    def centre(self, v: Tensor) -> Tensor:
        """Return v minus its per-channel mean (A2Q: v itself). v: (outputs, fan-in…)."""
        return v - v.mean(dim=self.fan, keepdim=True) if self.method == "a2q+" else v

    def scale(self) -> Tensor:
        """Step s of the integer weights, (outputs, 1…) or scalar, differentiable."""
        return torch.exp2(self.log_scale)

    def budget(self, input_bits: int, input_signed: bool) -> Fraction:
        """Exact ℓ1 budget T of one output channel for this input type."""
        return l1_budget(self.method, self.accumulator_bit_width, input_bits, input_signed)

    def normalized(self, v: Tensor, input_bits: int, input_signed: bool) -> Tensor:
        """Return the real-valued u = (v - μ) / ‖v - μ‖₁ · min(g / s, T) that is rounded towards zero."""
        centred = self.centre(v)
        norm = centred.abs().sum(dim=self.fan, keepdim=True).clamp_min(SMALLEST_NORM)
        mass = torch.exp2(self.log_norm) / self.scale()
        return centred * (torch.clamp_max(mass, float(self.budget(input_bits, input_signed))) / norm)

    def integers(self, u: Tensor, input_bits: int, input_signed: bool) -> Tensor:
        """Return the repaired integers of u as floats, no gradient."""
        q = torch.clamp(torch.trunc(u.detach()), -self.largest, self.largest)
        allowed = sign_budget(self.method, self.accumulator_bit_width, input_bits, input_signed)
        return repair(q, u.detach(), allowed, split_signs=self.method == "a2q+")

    def forward(
        self, v: Tensor, input_bit_width: Tensor, input_is_signed: bool
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Return (w, scale, zero point, bit width, scale, zero point), the tuple that Brevitas' proxy unpacks."""
        bits, signed = int(input_bit_width), bool(input_is_signed)
        u = self.normalized(v, bits, signed)
        q = u + (self.integers(u, bits, signed) - u.detach())
        scale = self.scale()
        zero = v.new_zeros(())
        return q * scale, scale, zero, v.new_full((), self.bit_width), scale, zero

    def penalty(self, input_bits: int, input_signed: bool) -> Tensor:
        """Σ relu(g - T·s) over the output channels (arXiv 2301.13376, section 4.1), scalar."""
        budget = float(self.budget(input_bits, input_signed))
        return torch.relu(torch.exp2(self.log_norm) - budget * self.scale()).sum()


def repair(q: Tensor, u: Tensor, allowed: int, split_signs: bool) -> Tensor:
    """Take single steps towards zero until every channel keeps to its budget.

    q, u: (outputs, fan-in…), integers and the reals they were rounded from; allowed: largest integer sum of the
    magnitudes of one sign (split_signs) or of both together. The value rounded up the most goes first: float32 can
    carry only those over. Returns q, the same tensor where nothing was too large.
    """
    rows, real = q.flatten(1), u.flatten(1)
    groups = [rows.clamp_min(0.0), rows.clamp_max(0.0).neg()] if split_signs else [rows.abs()]
    sums = torch.stack([g.sum(dim=1) for g in groups])
    if not bool((sums > allowed).any()):
        return q
    rows = rows.clone()
    for group, total in zip(groups, sums, strict=True):
        for row in torch.nonzero(total > allowed).flatten().tolist():
            magnitude = group[row].clone()
            for _ in range(int(total[row].item()) - allowed):
                slack = torch.where(magnitude > 0, real[row].abs() - magnitude, torch.inf)
                victim = int(torch.argmin(slack))
                magnitude[victim] -= 1
                rows[row, victim] -= torch.sign(rows[row, victim])
    return rows.view_as(q)


class LearnedScale(nn.Module):
    """Activation scale 2^log_scale (scalar), learned in the log2 domain after calibration."""

    def __init__(self, initial_scale: float = 1.0) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(float(initial_scale)).log2())

    def forward(self, _x: Tensor, _threshold: Tensor) -> Tensor:
        """Return the scale; Brevitas passes tensor and integer threshold, which a learned step does not need."""
        return torch.exp2(self.log_scale)


class FixedScale(nn.Module):
    """A scale that is data, not a parameter. value: scalar or (outputs, 1…); float32 values stay exact in float64."""

    value: Tensor

    def __init__(self, fixed_scale: float | Tensor) -> None:
        super().__init__()
        self.register_buffer("value", torch.as_tensor(fixed_scale).detach().clone())

    def forward(self, _x: Tensor, _threshold: Tensor) -> Tensor:
        """Return the scale."""
        return self.value


class LearnedActQuant(Uint8ActPerTensorFloat):  # type: ignore[misc]
    """Unsigned activations with a learned per-tensor scale."""

    scaling_impl = LearnedScale
    initial_scale = 1.0


def fixed_input_quant(bits: int) -> Any:
    """Quantizer of images in [0, 1]: unsigned, scale 2^(1-bits), so that pixel / 16 is never a tie."""
    return Uint8ActPerTensorFloat.let(bit_width=bits, scaling_impl=FixedScale, fixed_scale=2.0 ** (1 - bits))


class A2QWeightQuant(Int8AccumulatorAwareWeightQuant):  # type: ignore[misc]
    """A2Q, Brevitas' injector with our core."""

    tensor_quant = AccumulatorAwareQuant
    zero_center = False
    shared_scale = False


class A2QPlusWeightQuant(Int8AccumulatorAwareZeroCenterWeightQuant):  # type: ignore[misc]
    """A2Q+, Brevitas' injector with our core."""

    tensor_quant = AccumulatorAwareQuant
    zero_center = True
    shared_scale = False


def weight_quantizer(layer: LayerPlan) -> Any:
    """Return Brevitas' injector class for the weights of `layer`."""
    if layer.method == "qat":
        base = Int8WeightPerTensorFloat if layer.shared_scale else Int8WeightPerChannelFloat
        per = ScalingPerOutputType.TENSOR if layer.shared_scale else ScalingPerOutputType.CHANNEL
        return base.let(bit_width=layer.weight_bits, scaling_per_output_type=per)
    aware = A2QPlusWeightQuant if layer.method == "a2q+" else A2QWeightQuant
    return aware.let(
        bit_width=layer.weight_bits,
        accumulator_bit_width=layer.accumulator_bits,
        shared_scale=layer.shared_scale,
    )


def aware_quantizers(model: nn.Module) -> dict[str, AccumulatorAwareQuant]:
    """Return {layer name: its A2Q or A2Q+ core} in execution order."""
    found = {}
    for name, module in model.named_modules():
        if isinstance(module, AccumulatorAwareQuant):
            found[name.split(".weight_quant")[0]] = module
    return found


def penalty(model: nn.Module, input_bits: dict[str, int]) -> Tensor:
    """Σ over constrained layers and channels of relu(g - T·s); `input_bits` gives N of each layer (unsigned inputs).

    Needed because the clamp min(g/s, T) has no gradient for a g above the budget. Scalar; 0 without such layers.
    """
    terms = [core.penalty(input_bits[name], False) for name, core in aware_quantizers(model).items()]
    return torch.stack(terms).sum() if terms else torch.zeros(())
