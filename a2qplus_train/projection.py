"""Euclidean projections for EP-init, one row per output channel.

`project_l1` is the published form (arXiv 2401.10432, section 4.2; Duchi et al., ICML 2008). `project_zero_sum` is the
exact projection on what an A2Q+ channel can be: {Σv = 0} ∩ {‖v‖₁ ≤ z}. Its optimality conditions read
x = (v - a)⁺ - (b - v)⁺ with Σ(v - a)⁺ = Σ(b - v)⁺ = z/2, so the two thresholds separate: one simplex projection of v
and one of -v, no iteration.
"""

from __future__ import annotations

import torch
from torch import Tensor


def _threshold(v: Tensor, mass: Tensor) -> Tensor:
    """Return the one a >= 0 per row with Σ(v - a)⁺ = `mass`, (rows, 1); inf for no mass, 0 where Σv⁺ <= mass.

    v: (rows, K); mass: (rows, 1), >= 0. Newton's method from a = 0: the sum is convex and piecewise linear in a, so
    every step stays left of the solution and drops values for good; it ends, exactly, when none is dropped. After a
    step of training that is after two or three passes, where sorting the row would cost ten times as much.
    """
    threshold = torch.zeros_like(mass)
    while True:
        above = v > threshold
        support = above.sum(dim=1, keepdim=True).clamp_min(1)
        # maximum, because rounding must not step back
        new = torch.maximum(((v * above).sum(dim=1, keepdim=True) - mass) / support, threshold)
        if torch.equal(new, threshold):
            return torch.where(mass > 0, threshold, torch.inf)
        threshold = new


def project_l1(v: Tensor, radius: Tensor) -> Tensor:
    """Nearest point of the ℓ1 ball: argmin ‖x - v‖₂ over ‖x‖₁ <= radius.

    v: (rows, K); radius: (rows, 1), >= 0. Returns (rows, K); rows inside their ball come back unchanged.
    """
    size = v.abs()
    inside = size.sum(dim=1, keepdim=True) <= radius
    return torch.where(inside, v, torch.sign(v) * torch.clamp_min(size - _threshold(size, radius), 0.0))


def project_zero_sum(v: Tensor, radius: Tensor) -> Tensor:
    """Nearest point of {Σx = 0} ∩ {‖x‖₁ <= radius}.

    v: (rows, K); radius: (rows, 1), >= 0. Returns (rows, K). Centring alone is the answer where the centred row is
    already inside the ball.
    """
    # The centred row has the same projection and loses fewer digits where the mean is large.
    centred = v - v.mean(dim=1, keepdim=True)
    inside = centred.abs().sum(dim=1, keepdim=True) <= radius
    positive = torch.clamp_min(centred - _threshold(centred, radius / 2), 0.0)
    negative = torch.clamp_min(-centred - _threshold(-centred, radius / 2), 0.0)
    return torch.where(inside, centred, positive - negative)
