"""The projections: feasible, idempotent, optimal."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import LinearConstraint, minimize

from a2qplus_train.projection import project_l1, project_zero_sum

TOLERANCE = 1e-9


def row(seed: int, size: int, mean: float) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn((1, size), generator=generator, dtype=torch.float64) + mean


cases = given(
    seed=st.integers(0, 2**31 - 1),
    size=st.one_of(st.integers(1, 64), st.sampled_from([72, 576, 1152, 4608])),
    mean=st.sampled_from([0.0, 0.3, -5.0]),
    share=st.floats(0.0, 1.5),
)


@cases
@settings(deadline=None, max_examples=150)
def test_l1_ball(seed: int, size: int, mean: float, share: float) -> None:
    v = row(seed, size, mean)
    radius = share * v.abs().sum(dim=1, keepdim=True)
    x = project_l1(v, radius)
    assert float(x.abs().sum()) <= float(radius) * (1 + TOLERANCE) + TOLERANCE
    assert torch.allclose(project_l1(x, radius), x, atol=TOLERANCE, rtol=0)
    # KKT: v - x = θ·sign(x) on the support, |v| <= θ outside, θ = 0 inside the ball.
    residual = (v - x).flatten()
    support = x.flatten() != 0
    if share >= 1:
        assert torch.equal(x, v)
    elif support.any():
        theta = (residual * torch.sign(x.flatten()))[support]
        assert float(theta.max() - theta.min()) <= TOLERANCE * (1 + abs(mean))
        assert float(residual[~support].abs().max() if (~support).any() else 0) <= float(theta.max()) + TOLERANCE


@cases
@settings(deadline=None, max_examples=150)
def test_zero_sum_ball(seed: int, size: int, mean: float, share: float) -> None:
    v = row(seed, size, mean)
    centred = v - v.mean()
    radius = share * centred.abs().sum(dim=1, keepdim=True)
    x = project_zero_sum(v, radius)
    assert abs(float(x.sum())) <= TOLERANCE * size
    assert float(x.abs().sum()) <= float(radius) * (1 + TOLERANCE) + TOLERANCE
    assert torch.allclose(project_zero_sum(x, radius), x, atol=TOLERANCE, rtol=0)
    # KKT: v - x = λ + θ·sign(x) on the support and within λ ± θ outside, θ >= 0.
    residual, flat = (v - x).flatten(), x.flatten()
    if share >= 1 or size == 1:
        assert torch.allclose(x, centred, atol=TOLERANCE)
    elif (flat > 0).any() and (flat < 0).any():
        above, below = residual[flat > 0], residual[flat < 0]
        assert float(above.max() - above.min()) <= TOLERANCE * 10
        assert float(below.max() - below.min()) <= TOLERANCE * 10
        assert float(above.mean()) >= float(below.mean()) - TOLERANCE
        rest = residual[flat == 0]
        if len(rest):
            assert float(rest.max()) <= float(above.mean()) + TOLERANCE
            assert float(rest.min()) >= float(below.mean()) - TOLERANCE


def scipy_projection(v: np.ndarray, radius: float, zero_sum: bool) -> np.ndarray:
    """The same problem as a quadratic program in (positive part, negative part)."""
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
    return found.x[:size] - found.x[size:]


@pytest.mark.parametrize("zero_sum", [False, True])
@pytest.mark.parametrize("size", [2, 3, 9, 24, 64])
def test_no_farther_than_scipy(size: int, zero_sum: bool) -> None:
    v = row(size, size, 0.4)
    radius = 0.35 * float(v.abs().sum())
    project = project_zero_sum if zero_sum else project_l1
    ours = project(v, torch.tensor([[radius]], dtype=torch.float64)).numpy()[0]
    theirs = scipy_projection(v.numpy()[0], radius, zero_sum)
    values = v.numpy()[0]
    assert np.linalg.norm(values - ours) <= np.linalg.norm(values - theirs) + 1e-6


def test_rows_are_independent() -> None:
    v = torch.cat([row(1, 9, 0.0), row(2, 9, 1.0), row(3, 9, -1.0)])
    radius = torch.tensor([[0.5], [100.0], [0.0]], dtype=torch.float64)
    for project in (project_l1, project_zero_sum):
        whole = project(v, radius)
        for i in range(3):
            assert torch.equal(whole[i : i + 1], project(v[i : i + 1], radius[i : i + 1]))
        assert not whole[2].any()
