"""The A2Q / A2Q+ core: never over budget, the same arithmetic as Brevitas' own."""

from __future__ import annotations

import brevitas.nn as qnn
import numpy as np
import pytest
import torch
from brevitas.quant.scaled_int import Int8AccumulatorAwareWeightQuant, Int8AccumulatorAwareZeroCenterWeightQuant
from brevitas.quant_tensor import IntQuantTensor

from a2qplus_train.budget import sign_budget
from a2qplus_train.config import TrainConfig
from a2qplus_train.freeze import freeze, integer_weights, weight_layers
from a2qplus_train.initialize import ep_init
from a2qplus_train.loop import SLOW, Phase, _optimizer
from a2qplus_train.models import build_quantized
from a2qplus_train.quantizers import (
    A2QPlusWeightQuant,
    A2QWeightQuant,
    AccumulatorAwareQuant,
    aware_layers,
    few_units,
    repair,
)


def core(v: torch.Tensor, weight_bits: int, p: int, zero_center: bool) -> AccumulatorAwareQuant:
    return AccumulatorAwareQuant([torch.nn.Parameter(v)], weight_bits, p, zero_center, shared_scale=False)


def test_repair_takes_back_what_float32_rounded_over() -> None:
    q = torch.tensor([[3.0, 2.0, -4.0, -2.0], [1.0, 1.0, -1.0, -1.0]])
    u = torch.tensor([[3.0000002, 2.5, -4.2, -2.0], [1.1, 1.2, -1.3, -1.4]])
    fixed = repair(q, u, allowed=4, split_signs=True)
    assert fixed.tolist() == [[2.0, 2.0, -3.0, -1.0], [1.0, 1.0, -1.0, -1.0]]
    assert repair(q, u, allowed=11, split_signs=False) is q
    assert repair(q, u, allowed=10, split_signs=False).tolist()[0] == [3.0, 2.0, -4.0, -1.0]


def test_repair_is_needed_at_all() -> None:
    """A mean that dwarfs the spread leaves unequal signs even in float64; rounding towards zero is no proof."""
    generator = torch.Generator().manual_seed(0)
    over = 0
    for p in range(8, 13):
        v = torch.randn((4000, 3), generator=generator, dtype=torch.float64) + 1e14
        quantizer = core(v, 8, p, True).double()
        with torch.no_grad():
            quantizer.log_scale.sub_(60.0)  # every channel at its budget
            u = quantizer.normalized(v, 4, False)
            raw = torch.trunc(u).clamp(-127, 127)
        half = sign_budget("a2q+", p, 4, False)
        over += int((raw.clamp_min(0).sum(dim=1) > half).sum() + (raw.clamp_max(0).neg().sum(dim=1) > half).sum())
        repaired = quantizer.integers(u, 4, False)
        assert float(repaired.clamp_min(0).sum(dim=1).max()) <= half
        assert float(repaired.clamp_max(0).neg().sum(dim=1).max()) <= half
    assert over > 0


@pytest.mark.parametrize("method", ["a2q", "a2q+"])
def test_training_and_export_have_the_same_integers(method: str) -> None:
    """The forward pass in float32 and the frozen network in float64 round alike, also right at an integer."""
    torch.manual_seed(0)
    model = build_quantized(TrainConfig(method=method, accumulator_bits=9)).eval()
    ep_init(model)
    frozen = weight_layers(freeze(model, torch.zeros(1, 1, 8, 8)))
    for layer in aware_layers(model):
        inputs = torch.tensor(float(layer.plan.input_bits)), torch.tensor(layer.plan.input_signed)
        value, scale, *_ = layer.core(layer.module.weight, *inputs)
        assert value.dtype == torch.float32
        q = integer_weights(frozen[layer.plan.name])
        assert torch.equal(value, q.float() * scale), layer.plan.name
        assert q.any()


@pytest.mark.parametrize(
    ("stock", "ours"),
    [
        (Int8AccumulatorAwareWeightQuant, A2QWeightQuant),
        (Int8AccumulatorAwareZeroCenterWeightQuant, A2QPlusWeightQuant),
    ],
    ids=["a2q", "a2q+"],
)
@pytest.mark.parametrize("p", [9, 12, 16])
def test_same_values_and_gradients_as_brevitas(stock, ours, p: int) -> None:
    torch.manual_seed(0)
    inputs = IntQuantTensor(
        torch.rand(1, 8, 4, 4), torch.tensor(0.1), torch.tensor(0.0), torch.tensor(4.0), False, True
    )
    layers = []
    for quantizer in (stock, ours):
        layer = qnn.QuantConv2d(
            8, 6, 3, bias=False, weight_quant=quantizer, weight_bit_width=4, weight_accumulator_bit_width=p
        )
        layers.append(layer)
    theirs, mine = layers
    with torch.no_grad():
        mine.weight.copy_(theirs.weight)
        log_norm = theirs.weight_quant.tensor_quant.pre_scaling_impl.value
        log_scale = torch.full((6, 1, 1, 1), -5.0)
        theirs.weight_quant.tensor_quant.scaling_impl.value.copy_(log_scale)
        theirs.weight_quant.tensor_quant.scaling_impl.init_done = True
        theirs.weight_quant.tensor_quant.pre_scaling_impl.scaling_impl.value.copy_(log_scale)
        theirs.weight_quant.tensor_quant.pre_scaling_impl.scaling_impl.init_done = True
        mine.weight_quant.tensor_quant.log_norm.copy_(log_norm)
        mine.weight_quant.tensor_quant.log_scale.copy_(log_scale)
    values = [layer.quant_weight(inputs).value for layer in layers]
    torch.testing.assert_close(values[1], values[0], rtol=1e-5, atol=1e-7)
    target = torch.randn_like(values[0])
    for value in values:
        (value * target).sum().backward()
    torch.testing.assert_close(mine.weight.grad, theirs.weight.grad, rtol=1e-3, atol=1e-5)


def test_a_clipped_integer_does_not_ask_the_scale_to_shrink() -> None:
    """Where every weight of a channel is clipped, w = s·q has the slope q in s, and none in the mass."""
    v = torch.tensor([[1.0, -1.0, 1.0, -1.0], [1.0, -1.0, 0.5, -0.5]], dtype=torch.float64)
    quantizer = core(v, 4, 16, False).double()
    with torch.no_grad():
        quantizer.log_norm.copy_(torch.tensor([[400.0], [10.0]]).log2())
        quantizer.log_scale.copy_(torch.tensor([[1.0], [1.0]]).log2())
    value, *_ = quantizer(v.requires_grad_(), torch.tensor(4.0), torch.tensor(False))
    assert value[0].tolist() == [7.0, -7.0, 7.0, -7.0]
    (value * value.detach()).sum().backward()
    assert quantizer.log_norm.grad is not None and quantizer.log_scale.grad is not None
    assert quantizer.log_norm.grad[0] == 0.0 and quantizer.log_norm.grad[1] != 0.0
    torch.testing.assert_close(quantizer.log_scale.grad[0], torch.tensor([4 * 49.0 * np.log(2.0)]).double())


def test_channels_of_few_units_learn_slowly() -> None:
    def slow(**keys: object) -> frozenset[str]:
        return few_units(build_quantized(TrainConfig(constrain_last=True, **keys)))

    assert slow(accumulator_bits=7) == {"conv2.weight", "conv3.weight", "dense1.weight"}
    assert slow(accumulator_bits=8) == frozenset()
    assert slow(accumulator_bits={"conv2": 7, "conv3": 12}) == {"conv2.weight"}
    assert slow(accumulator_bits=8, method="a2q") == slow(accumulator_bits=7)
    model = build_quantized(TrainConfig(accumulator_bits=7, constrain_last=True))
    assert few_units(model) <= dict(model.named_parameters()).keys()
    fast, slowed = _optimizer(model, Phase("quantized", 1, 0.5, slow=few_units(model))).param_groups
    assert (fast["lr"], slowed["lr"], len(slowed["params"])) == (0.5, 0.5 * SLOW, 3)
    assert len(fast["params"]) + 3 == len(list(model.parameters()))
