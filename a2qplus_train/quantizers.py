"""Weight and activation quantizers: Brevitas layers and proxies around cores whose arithmetic is written out here.

The A2Q / A2Q+ core replaces the chain of Brevitas modules by one (same equation, same gradients, a test compares
them) because two things must be possible that the chain has no place for: the integers are repaired where float
rounding carried them one step over the budget, and a layer may have one scale for all output channels.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import torch
from brevitas.core.scaling import ScalingPerOutputType
from brevitas.quant.scaled_int import (
    Int8AccumulatorAwareWeightQuant,
    Int8AccumulatorAwareZeroCenterWeightQuant,
    Int8ActPerTensorFloat,
    Int8WeightPerChannelFloat,
    Int8WeightPerTensorFloat,
    Uint8ActPerTensorFloat,
)
from torch import Tensor, nn

from a2qplus_train.budget import l1_budget, sign_budget
from a2qplus_train.config import Method
from a2qplus_train.plan import LayerPlan

if TYPE_CHECKING:
    from a2qplus_train.models import Network

SMALLEST_NORM = 1e-12
FEW_UNITS = 12


class AccumulatorAwareQuant(nn.Module):
    """Tensor quantizer of A2Q (arXiv 2301.13376) and A2Q+ (arXiv 2401.10432, eq. 6 and 8), symmetric, narrow range.

    q = clip(RTZ((v - μ) / ‖v - μ‖₁ · min(g / s, T))), w = s · q, with μ the mean over the fan-in (A2Q: 0),
    g = 2^log_norm per output channel, s = 2^log_scale per output channel (or shared), T the ℓ1 budget. Rounding
    towards zero and clipping only shrink the mass; gradients pass both straight through. Everything up to the
    integers is computed in float64, so that training, evaluation and export (which is float64) round alike.
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

    def mass(self) -> Tensor:
        """The wanted ℓ1 norm in steps, g / s, float64 (outputs, 1…), differentiable."""
        return torch.exp2(self.log_norm.double() - self.log_scale.double())

    def budget(self, input_bits: int, input_signed: bool) -> Fraction:
        """Exact ℓ1 budget T of one output channel for this input type."""
        return l1_budget(self.method, self.accumulator_bit_width, input_bits, input_signed)

    def normalized(self, v: Tensor, input_bits: int, input_signed: bool) -> Tensor:
        """Return the real-valued u = (v - μ) / ‖v - μ‖₁ · min(g / s, T) that is rounded towards zero, float64."""
        centred, norm = self._centred(v.detach())
        return centred * (self.spent(input_bits, input_signed) / norm)

    def spent(self, input_bits: int, input_signed: bool) -> Tensor:
        """The ℓ1 norm in steps before rounding, min(g / s, T), float64 (outputs, 1…), differentiable."""
        return torch.clamp_max(self.mass(), float(self.budget(input_bits, input_signed)))

    def _centred(self, v: Tensor) -> tuple[Tensor, Tensor]:
        centred = self.centre(v.double())
        return centred, torch.linalg.vector_norm(centred, 1, self.fan, keepdim=True).clamp_min_(SMALLEST_NORM)

    def integers(self, u: Tensor, input_bits: int, input_signed: bool) -> Tensor:
        """Return the repaired integers of u as floats, no gradient."""
        q = torch.trunc(u.detach()).clamp_(-self.largest, self.largest)
        allowed = sign_budget(self.method, self.accumulator_bit_width, input_bits, input_signed)
        return repair(q, u.detach(), allowed, split_signs=self.method == "a2q+")

    def forward(
        self, v: Tensor, input_bit_width: Tensor, input_is_signed: bool
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Return (w, scale, zero point, bit width, scale, zero point), the tuple that Brevitas' proxy unpacks."""
        bits, signed = int(input_bit_width), bool(input_is_signed)
        spent = self.spent(bits, signed)
        q = cast(Tensor, _Rounding.apply(v, spent, self, bits, signed))  # type: ignore[no-untyped-call]
        scale = self.scale()
        zero = v.new_zeros(())
        return q * scale, scale, zero, v.new_full((), self.bit_width), scale, zero

    def penalty(self, budget: float) -> Tensor:
        """Σ relu(g - T·s) over the output channels (arXiv 2301.13376, section 4.1), scalar. budget: T."""
        return torch.relu(torch.exp2(self.log_norm) - budget * self.scale()).sum()


class _Rounding(torch.autograd.Function):
    """(v, mass m, core, input type) -> integers of m · c / ‖c‖₁, c the centred v; rounding and clip pass gradients.

    Written out because autograd would keep and walk seven float64 tensors of the size of the weights. A clipped integer
    does not depend on the mass: passed straight through, its gradient tells the scale to shrink, which clips more, and
    at wide P the scale runs away (Brevitas' does).
    """

    @staticmethod
    def forward(ctx: Any, v: Tensor, mass: Tensor, core: AccumulatorAwareQuant, bits: int, signed: bool) -> Tensor:
        centred, norm = core._centred(v)
        q = core.integers(centred * (mass / norm), bits, signed).to(v.dtype)
        ctx.core = core
        ctx.save_for_backward(centred.to(v.dtype), mass, norm)
        return q

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        centred, mass, norm = ctx.saved_tensors
        (grad,) = grads
        steps = (mass / norm).to(grad)
        product = grad * centred
        along = product.sum(dim=ctx.core.fan, keepdim=True)
        to_v = torch.addcmul(grad * steps, torch.sign(centred), -along * steps / norm.to(grad))
        clipped = (centred * steps).abs() >= ctx.core.largest + 1
        inside = product.masked_fill(clipped, 0.0).sum(dim=ctx.core.fan, keepdim=True)
        return ctx.core.centre(to_v), inside / norm, None, None, None


def repair(q: Tensor, u: Tensor, allowed: int, split_signs: bool) -> Tensor:
    """Take single steps towards zero until every channel keeps to its budget.

    q, u: (outputs, fan-in…), integers and the reals they were rounded from; allowed: largest integer sum of the
    magnitudes of one sign (split_signs) or of both together. The value rounded up the most goes first: float arithmetic
    can carry only those over. Returns q, the same tensor where nothing was too large.
    """
    rows, real = q.flatten(1), u.flatten(1)
    sums = torch.linalg.vector_norm(rows, 1, dim=1)[None]
    if split_signs:
        balance = rows.sum(dim=1)
        sums = torch.cat([sums + balance, sums - balance]) / 2
    if not bool((sums > allowed).any()):
        return q
    groups = [rows.clamp_min(0.0), rows.clamp_max(0.0).neg()] if split_signs else [rows.abs()]
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


def pixel_difference() -> Any:
    """Quantizer of what is added to an image in [0, 1]: signed, 8 bits, in steps of 1 / 255."""
    return Int8ActPerTensorFloat.let(bit_width=8, scaling_impl=FixedScale, fixed_scale=1.0 / 255.0)


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


class AwareLayer(NamedTuple):
    """A constrained layer: its plan, the Brevitas layer, the core of its weight quantizer, its exact ℓ1 budget T."""

    plan: LayerPlan
    module: Any
    core: AccumulatorAwareQuant
    budget: Fraction


def aware_layers(model: Network) -> list[AwareLayer]:
    """Return the layers with an A2Q or A2Q+ quantizer, in execution order."""
    found = []
    for layer in model.plan:
        if layer.method == "qat":
            continue
        module: Any = model.get_submodule(layer.name)
        core = module.weight_quant.tensor_quant
        assert isinstance(core, AccumulatorAwareQuant)
        found.append(AwareLayer(layer, module, core, core.budget(layer.input_bits, layer.input_signed)))
    return found


def aware_quantizers(model: Network) -> dict[str, AccumulatorAwareQuant]:
    """Return {layer name: its A2Q or A2Q+ core} in execution order."""
    return {layer.plan.name: layer.core for layer in aware_layers(model)}


def few_units(model: Network) -> frozenset[str]:
    """Names of the weights whose channels have a budget T below FEW_UNITS.

    Adam moves every weight of a channel by up to the learning rate; where the budget is a handful of units, one such
    step is of the size of all weights together, and within some epochs no weight reaches a whole unit: the layer is
    zero and stays so. These weights learn slowly (`loop.SLOW`), near what the initialization chose; norms do the rest.
    """
    return frozenset(f"{layer.plan.name}.weight" for layer in aware_layers(model) if layer.budget < FEW_UNITS)


def penalty(model: Network) -> Tensor:
    """Σ over constrained layers and their output channels of relu(g - T·s) (arXiv 2301.13376, section 4.1).

    Needed because the clamp min(g/s, T) has no gradient for a g above the budget; the loss takes it times
    `config.regularizer` (published: 1e-3). Scalar, differentiable; 0 for a model without constrained layers.
    """
    terms = [layer.core.penalty(float(layer.budget)) for layer in aware_layers(model)]
    return torch.stack(terms).sum() if terms else torch.zeros(())
