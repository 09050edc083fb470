"""Budgeted integers and the real weights on top of them: inside the budget, spent where it pays."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from a2qplus_train.initialize import MARGIN
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
