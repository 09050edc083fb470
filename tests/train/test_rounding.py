"""Budgeted initialization: inside the budget, better than projecting, and what the quantizer makes of it."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from a2qplus_train.config import TrainConfig
from a2qplus_train.freeze import freeze, weight_layers
from a2qplus_train.initialize import MARGIN, calibrate, ep_init
from a2qplus_train.models import build_float, build_quantized
from a2qplus_train.quantizers import aware_quantizers
from a2qplus_train.rounding import budgeted_integers, budgeted_weights


@given(
    seed=st.integers(0, 2**31 - 1),
    size=st.integers(1, 200),
    budget=st.floats(0.0, 300.0),
    largest=st.sampled_from([1, 7, 127]),
    spread=st.floats(0.1, 20.0),
)
@settings(deadline=None, max_examples=150)
def test_integers_keep_to_the_budget(seed: int, size: int, budget: float, largest: int, spread: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn((4, size), generator=generator, dtype=torch.float64) * spread
    q = budgeted_integers(x, budget, MARGIN, largest)
    assert float((q + MARGIN * (q > 0)).sum(dim=1).max()) <= budget
    assert float(q.max()) <= largest
    assert not q[x <= 0].any()
    if budget > float((x.abs() + 1).sum(dim=1).max()) * (1 + MARGIN):
        assert torch.equal(q, torch.floor(x + 0.5).clamp(0, largest)), "rounding to nearest where nothing binds"


def test_more_units_go_where_they_pay_most() -> None:
    x = torch.tensor([[5.2, 3.1, 0.9, 0.6]], dtype=torch.float64)
    assert budgeted_integers(x, 8.3, 0.1, 7).tolist() == [[5.0, 3.0, 0.0, 0.0]]
    assert budgeted_integers(x, 3.2, 0.1, 7).tolist() == [[3.0, 0.0, 0.0, 0.0]]


@given(seed=st.integers(0, 2**31 - 1), size=st.integers(2, 200), mean=st.sampled_from([0.0, 2.0, -3.0]),
       budget=st.floats(2.0, 200.0), zero_sum=st.booleans())  # fmt: skip
@settings(deadline=None, max_examples=150)
def test_real_weights_are_legal(seed: int, size: int, mean: float, budget: float, zero_sum: bool) -> None:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn((4, size), generator=generator, dtype=torch.float64) * 2 + mean
    u = budgeted_weights(x, budget, MARGIN, 7, zero_sum)
    assert float(u.abs().sum(dim=1).max()) <= budget * (1 + 1e-9)
    if zero_sum:
        assert float(u.sum(dim=1).abs().max()) <= 1e-9 * size


def weight_error(how: str, method: str, p: int) -> float:
    """Squared error of the quantized weights right after initialization, relative, over the constrained layers."""
    torch.manual_seed(0)
    config = TrainConfig(init=how, method=method, accumulator_bits=p)
    float_model = build_float(config)
    quantized = build_quantized(config)
    quantized.load_state_dict(float_model.state_dict(), strict=False)
    ep_init(quantized, config)
    frozen = weight_layers(freeze(quantized, torch.zeros(1, 1, 8, 8)))
    total = 0.0
    for name in aware_quantizers(quantized):
        original = float_model.get_submodule(name).weight.detach().double()
        total += float((frozen[name].weight.detach() - original).square().sum() / original.square().sum())
    return total


@pytest.mark.parametrize("method", ["a2q", "a2q+"])
@pytest.mark.parametrize("p", [8, 10, 12])
def test_default_initialization_has_the_smallest_weight_error(method: str, p: int) -> None:
    errors = {how: weight_error(how, method, p) for how in ("budgeted", "joint", "published", "brevitas")}
    assert min(errors, key=errors.__getitem__) == "budgeted", errors
    assert errors["joint"] < errors["brevitas"], errors


def test_norm_starts_at_the_centred_weight() -> None:
    config = TrainConfig(accumulator_bits=9)
    quantized = build_quantized(config)
    ep_init(quantized, config)
    for name, core in aware_quantizers(quantized).items():
        weight = quantized.get_submodule(name).weight.detach().flatten(1)
        norm = (weight - weight.mean(dim=1, keepdim=True)).abs().sum(dim=1)
        torch.testing.assert_close(core.log_norm.detach().flatten().exp2(), norm)


def test_calibration_leaves_finite_statistics_even_where_all_weights_are_zero() -> None:
    config = TrainConfig(accumulator_bits=4, init="published")
    torch.manual_seed(0)
    quantized = build_quantized(config)
    ep_init(quantized, config)
    calibrate(quantized, torch.rand(32, 1, 8, 8))
    quantized.eval()
    assert torch.isfinite(quantized(torch.rand(4, 1, 8, 8))).all()
    assert all(torch.isfinite(v).all() for v in quantized.state_dict().values())
