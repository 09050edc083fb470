"""The projections: feasible, idempotent, optimal (KKT), and no farther than a solver's answer."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import LinearConstraint, minimize

from a2qplus_train.projection import project_l1, project_zero_sum

TOLERANCE = 1e-9
PROJECTIONS = {"l1": project_l1, "zero_sum": project_zero_sum}


def row(seed: int, size: int, mean: float) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn((1, size), generator=generator, dtype=torch.float64) + mean


def check_optimal(v: torch.Tensor, x: torch.Tensor, radius: float, zero_sum: bool) -> None:
    """KKT of min ‖x - v‖²/2: v - x = λ + θ·s with s a subgradient of ‖x‖₁, θ >= 0, θ·(radius - ‖x‖₁) = 0.

    λ belongs to Σx = 0 and is 0 without it. The multipliers are read off the residual, whatever the support.
    """
    values, residual = x.flatten(), (v - x).flatten()
    assert float(values.abs().sum()) <= radius + TOLERANCE
    if zero_sum:
        assert abs(float(values.sum())) <= TOLERANCE
        middle = float(residual.max() + residual.min()) / 2
        theta = float(residual.max() - residual.min()) / 2
    else:
        middle, theta = 0.0, float(residual.abs().max())
    support = values != 0
    distance = (residual - middle - theta * torch.sign(values))[support]
    assert not support.any() or float(distance.abs().max()) <= TOLERANCE
    if radius - float(values.abs().sum()) > TOLERANCE:
        assert theta <= TOLERANCE, "a multiplier where the ball does not bind"


@pytest.mark.parametrize("name", PROJECTIONS)
@given(
    seed=st.integers(0, 2**31 - 1),
    size=st.one_of(st.integers(1, 64), st.integers(1, 4608)),
    mean=st.sampled_from([0.0, 0.3, -5.0]),
    share=st.one_of(st.just(0.0), st.floats(0.0, 1.5)),
)
@settings(deadline=None, max_examples=150)
def test_feasible_idempotent_and_optimal(name: str, seed: int, size: int, mean: float, share: float) -> None:
    v = row(seed, size, mean)
    zero_sum = name == "zero_sum"
    inside = v - v.mean() if zero_sum else v
    radius = share * inside.abs().sum(dim=1, keepdim=True)
    x = PROJECTIONS[name](v, radius)
    check_optimal(v, x, float(radius), zero_sum)
    assert float((PROJECTIONS[name](x, radius) - x).abs().max()) <= TOLERANCE
    if share > 1:
        torch.testing.assert_close(x, inside, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("name", PROJECTIONS)
def test_the_check_can_fail(name: str) -> None:
    """Scaling into the ball, and clipping, are feasible but not the nearest point."""
    v = row(0, 9, 0.0)
    v = v - v.mean()
    radius = 0.5 * float(v.abs().sum())
    with pytest.raises(AssertionError):
        check_optimal(v, v * 0.5, radius, name == "zero_sum")
    with pytest.raises(AssertionError):
        check_optimal(v, torch.zeros_like(v), radius, name == "zero_sum")


def scipy_projection(v: np.ndarray, radius: float, zero_sum: bool) -> np.ndarray:
    """The same problem as a quadratic program in (positive part, negative part), then made exactly feasible."""
    size = len(v)
    ones = np.ones(size)
    constraints = [LinearConstraint(np.concatenate([ones, ones])[None], -np.inf, radius)]
    if zero_sum:
        constraints.append(LinearConstraint(np.concatenate([ones, -ones])[None], 0, 0))

    def distance(pn: np.ndarray) -> tuple[float, np.ndarray]:
        d = pn[:size] - pn[size:] - v
        return 0.5 * float(d @ d), np.concatenate([d, -d])

    found = minimize(
        distance, np.zeros(2 * size), jac=True, bounds=[(0, None)] * (2 * size), constraints=constraints,
        method="SLSQP", options={"maxiter": 500, "ftol": 1e-13},
    )  # fmt: skip
    x = found.x[:size] - found.x[size:]
    if zero_sum:
        x -= x.mean()
    return x * min(1.0, radius / max(float(np.abs(x).sum()), 1e-300))


@pytest.mark.parametrize("name", PROJECTIONS)
@given(seed=st.integers(0, 2**31 - 1), size=st.integers(1, 64), share=st.floats(0.05, 1.2))
@example(seed=0, size=64, share=0.35)
@settings(deadline=None, max_examples=8)
def test_no_farther_than_scipy(name: str, seed: int, size: int, share: float) -> None:
    v = row(seed, size, 0.4)
    radius = share * float(v.abs().sum())
    ours = PROJECTIONS[name](v, torch.tensor([[radius]], dtype=torch.float64)).numpy()[0]
    values = v.numpy()[0]
    theirs = scipy_projection(values, radius, name == "zero_sum")
    assert np.linalg.norm(values - ours) <= np.linalg.norm(values - theirs) + TOLERANCE


def test_rows_are_independent() -> None:
    v = torch.cat([row(1, 9, 0.0), row(2, 9, 1.0), row(3, 9, -1.0)])
    radius = torch.tensor([[0.5], [100.0], [0.0]], dtype=torch.float64)
    for project in PROJECTIONS.values():
        whole = project(v, radius)
        for i in range(3):
            assert torch.equal(whole[i : i + 1], project(v[i : i + 1], radius[i : i + 1]))
        assert not whole[2].any()
