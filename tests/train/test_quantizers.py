"""The A2Q / A2Q+ core: never over budget, the same arithmetic as Brevitas' own."""

from __future__ import annotations

import brevitas.nn as qnn
import numpy as np
import pytest
import torch
from brevitas.quant.scaled_int import Int8AccumulatorAwareWeightQuant, Int8AccumulatorAwareZeroCenterWeightQuant
from brevitas.quant_tensor import IntQuantTensor
from hypothesis import given, settings
from hypothesis import strategies as st

from a2qplus_train.budget import accumulator_range, integer_range, l1_budget, sign_budget
from a2qplus_train.quantizers import A2QPlusWeightQuant, A2QWeightQuant, AccumulatorAwareQuant, repair


def core(v: torch.Tensor, weight_bits: int, p: int, zero_center: bool) -> AccumulatorAwareQuant:
    return AccumulatorAwareQuant([torch.nn.Parameter(v)], weight_bits, p, zero_center, shared_scale=False)


@given(
    seed=st.integers(0, 2**31 - 1),
    fan_in=st.one_of(st.integers(1, 32), st.sampled_from([64, 576, 4608])),
    weight_bits=st.integers(2, 8),
    input_bits=st.integers(1, 8),
    signed=st.booleans(),
    p=st.integers(4, 24),
    zero_center=st.booleans(),
    spread=st.sampled_from([1e-3, 1.0, 30.0]),
    mean=st.sampled_from([0.0, 1.0, 1e6]),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
@settings(deadline=None, max_examples=300)
def test_integers_never_exceed_budget_or_width(
    seed, fan_in, weight_bits, input_bits, signed, p, zero_center, spread, mean, dtype
) -> None:
    if zero_center and fan_in == 1:
        return
    generator = torch.Generator().manual_seed(seed)
    v = torch.randn((8, fan_in), generator=generator).to(dtype) + mean
    quantizer = core(v, weight_bits, p, zero_center).to(dtype)
    with torch.no_grad():
        quantizer.log_scale.add_(float(np.log2(spread)))
        u = quantizer.normalized(v, input_bits, signed)
        q = quantizer.integers(u, input_bits, signed).numpy().astype(np.int64)
    method = "a2q+" if zero_center else "a2q"
    assert np.abs(q).max() <= 2 ** (weight_bits - 1) - 1
    for channel in q:
        assert int(np.abs(channel).sum()) <= l1_budget(method, p, input_bits, signed)
        if zero_center:
            half = sign_budget(method, p, input_bits, signed)
            assert max(channel[channel > 0].sum(), -channel[channel < 0].sum()) <= half
    low, high = accumulator_range(q, *integer_range(input_bits, signed))
    largest = 2 ** (p - 1) - 1
    assert low.min() >= -largest
    assert high.max() <= largest


def test_repair_takes_back_what_float32_rounded_over() -> None:
    q = torch.tensor([[3.0, 2.0, -4.0, -2.0], [1.0, 1.0, -1.0, -1.0]])
    u = torch.tensor([[3.0000002, 2.5, -4.2, -2.0], [1.1, 1.2, -1.3, -1.4]])
    fixed = repair(q, u, allowed=4, split_signs=True)
    assert fixed.tolist() == [[2.0, 2.0, -3.0, -1.0], [1.0, 1.0, -1.0, -1.0]]
    assert repair(q, u, allowed=11, split_signs=False) is q
    assert repair(q, u, allowed=10, split_signs=False).tolist()[0] == [3.0, 2.0, -4.0, -1.0]


def test_repair_is_needed_at_all() -> None:
    """Centring in float32 leaves unequal signs where the mean dwarfs the spread; rounding towards zero is no proof."""
    generator = torch.Generator().manual_seed(0)
    over = 0
    for p in range(8, 13):
        v = torch.randn((4000, 3), generator=generator) + 1e6
        quantizer = core(v, 8, p, True)
        with torch.no_grad():
            quantizer.log_scale.sub_(30.0)  # every channel at its budget
            raw = torch.trunc(quantizer.normalized(v, 4, False)).clamp(-127, 127)
        half = sign_budget("a2q+", p, 4, False)
        over += int((raw.clamp_min(0).sum(dim=1) > half).sum() + (raw.clamp_max(0).neg().sum(dim=1) > half).sum())
    assert over > 0


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
