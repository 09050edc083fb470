"""The guarantee itself, for random weights and every combination of widths: integers, budgets and ranges."""

from __future__ import annotations

import math

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from a2qplus_train.budget import accumulator_range, integer_range, l1_budget, sign_budget
from a2qplus_train.certificate import adversarial_inputs
from a2qplus_train.quantizers import AccumulatorAwareQuant

CHANNELS = 4


@given(
    seed=st.integers(0, 2**31 - 1),
    fan_in=st.one_of(st.integers(1, 32), st.integers(1, 4608)),
    weight_bits=st.integers(2, 8),
    input_bits=st.integers(1, 8),
    signed=st.booleans(),
    p=st.integers(4, 24),
    method=st.sampled_from(["a2q", "a2q+"]),
    spread=st.sampled_from([1e-6, 1e-3, 1.0, 30.0]),
    mean=st.sampled_from([0.0, 1.0, 1e6]),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
@settings(deadline=None, max_examples=300)
def test_integers_never_exceed_budget_or_width(
    seed: int, fan_in: int, weight_bits: int, input_bits: int, signed: bool, p: int, method: str, spread: float,
    mean: float, dtype: torch.dtype,
) -> None:  # fmt: skip
    method = method if fan_in > 1 else "a2q"  # as `plan.method_of`: nothing is left of one centred weight
    generator = torch.Generator().manual_seed(seed)
    v = torch.randn((CHANNELS, fan_in), generator=generator).to(dtype) + mean
    quantizer = AccumulatorAwareQuant([torch.nn.Parameter(v)], weight_bits, p, method == "a2q+", False).to(dtype)
    with torch.no_grad():
        quantizer.log_scale.add_(math.log2(spread))
        value, scale, *_ = quantizer(v, torch.tensor(float(input_bits)), torch.tensor(signed))
        q = quantizer.integers(quantizer.normalized(v, input_bits, signed), input_bits, signed)
    assert torch.equal(value, q.to(dtype) * scale), "the forward pass computes other integers"
    rows = q.numpy().astype(np.int64)
    assert np.abs(rows).max() <= 2 ** (weight_bits - 1) - 1
    for channel in rows:
        assert int(np.abs(channel).sum()) <= l1_budget(method, p, input_bits, signed)
        if method == "a2q+":
            half = sign_budget(method, p, input_bits, signed)
            assert max(channel[channel > 0].sum(), -channel[channel < 0].sum()) <= half
    low, high = accumulator_range(rows, *integer_range(input_bits, signed))
    largest = 2 ** (p - 1) - 1
    assert low.min() >= -largest
    assert high.max() <= largest


@given(
    seed=st.integers(0, 2**31 - 1),
    fan_in=st.integers(1, 300),
    weight_bits=st.integers(2, 8),
    input_bits=st.integers(1, 8),
    signed=st.booleans(),
)
@settings(deadline=None, max_examples=100)
def test_adversarial_inputs_reach_both_ends_and_no_order_passes_them(
    seed: int, fan_in: int, weight_bits: int, input_bits: int, signed: bool
) -> None:
    rng = np.random.default_rng(seed)
    largest = 2 ** (weight_bits - 1) - 1
    q = rng.integers(-largest, largest + 1, (CHANNELS, fan_in))
    input_min, input_max = integer_range(input_bits, signed)
    low, high = accumulator_range(q, input_min, input_max)
    worst = adversarial_inputs(q, input_min, input_max)
    for inputs, end in zip(worst, (low, high), strict=True):
        assert inputs.min() >= input_min
        assert inputs.max() <= input_max
        assert np.array_equal((q * inputs).sum(axis=1), end)
    for inputs in (*worst, rng.integers(input_min, input_max + 1, (CHANNELS, fan_in))):
        sums = np.cumsum((q * inputs)[:, rng.permutation(fan_in)], axis=1)
        assert (sums >= low[:, None]).all()
        assert (sums <= high[:, None]).all()
