"""Integers first: the best integer channel under a budget, and real-valued weights that the quantizer rounds to it.

The ℓ1 budget T bounds the real weights before they are rounded towards zero, so every fraction that rounding drops is
budget spent on nothing: at small P most of it. Here the integers are chosen first. Minimizing Σ(x - q)² under a bound
on the units that q spends is a Lagrangian problem whose solution is q = floor(x - θ): the j-th unit of one weight
gains 2x - 2j + 1, so it is bought where x - θ >= j for the θ that just exhausts the budget. Then the real weights are
placed `margin` above their integers, so that a small step of training does not undo them, and the rest of the budget
goes evenly to the zeros, where it costs nothing.
"""

from __future__ import annotations

import torch
from torch import Tensor

from a2qplus_train.projection import project_zero_sum

BISECTIONS = 24


def budgeted_integers(x: Tensor, budget: float, margin: float, largest: int) -> Tensor:
    """Return q = clip(floor(x - θ), 0, largest) with the smallest θ >= -1/2 such that Σ_{q>0}(q + margin) <= budget.

    x: float64 (rows, K), values <= 0 get no unit; θ is found per row by bisection. θ = -1/2 is rounding to nearest:
    the budget does not bind. Returns float64 (rows, K).
    """

    def units(threshold: Tensor) -> Tensor:
        return torch.floor(x - threshold).clamp(0, largest) * (x > 0)

    def affordable(threshold: Tensor) -> Tensor:
        q = units(threshold)
        return (q + margin * (q > 0)).sum(dim=1, keepdim=True) <= budget

    low = torch.full_like(x[:, :1], -0.5)
    high = x.amax(dim=1, keepdim=True).clamp_min(0.0)  # buys nothing, so it is always affordable
    high = torch.where(affordable(low), low, high)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        fits = affordable(middle)
        low, high = torch.where(fits, low, middle), torch.where(fits, middle, high)
    return units(high)


def place(q: Tensor, mass: Tensor, margin: float, takers: Tensor) -> Tensor:
    """Return u >= 0 with Σu = mass that rounds towards zero to q, where the zeros are many enough.

    q: float64 (rows, K), >= 0, with Σ_{q>0}(q + margin) <= mass; mass: (rows, 1); takers: bool (rows, K), the zeros
    that share the rest evenly. Fewer takers than the rest has units round to more than zero: look at trunc(u).
    """
    u = torch.where(q > 0, q + margin, 0.0)
    rest = mass - u.sum(dim=1, keepdim=True)
    return u + rest * takers / takers.sum(dim=1, keepdim=True).clamp_min(1)


def budgeted_weights(x: Tensor, budget: float, margin: float, largest: int, zero_sum: bool) -> Tensor:
    """Return real weights u (in steps) whose integers trunc(u) are close to x and that keep to the budget.

    x: float64 (rows, K), the float weights in steps; budget: T; zero_sum: for A2Q+, Σu = 0 and each sign gets T/2 (of
    the integers nothing but that half is asked: a channel with a mean keeps its mean as far as it can); for A2Q
    ‖u‖₁ <= T. Returns float64 (rows, K).
    """
    if not zero_sum:
        q = budgeted_integers(x.abs(), budget, margin, largest)
        return torch.sign(x) * torch.where(q > 0, q + margin, 0.0)
    positive = budgeted_integers(x, budget / 2, margin, largest)
    negative = budgeted_integers(-x, budget / 2, margin, largest)
    free = (positive == 0) & (negative == 0)
    spent = [(q + margin * (q > 0)).sum(dim=1, keepdim=True) for q in (positive, negative)]
    mass = torch.maximum(*spent)
    sides = []
    for q, wanted in ((positive, x > 0), (negative, x < 0)):
        takers = free & wanted
        sides.append(place(q, mass, margin, torch.where(takers.any(dim=1, keepdim=True), takers, free)))
    u = sides[0] - sides[1]
    # Without a single zero weight there is no one to balance the signs; centring does it, and the ball still holds.
    return project_zero_sum(u, torch.full_like(mass, budget))
