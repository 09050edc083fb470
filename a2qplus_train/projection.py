"""Euclidean projections for EP-init, one row per output channel.

`project_l1` is the published form (arXiv 2401.10432, section 4.2; Duchi et al., ICML 2008). `project_zero_sum` is the
exact projection on what an A2Q+ channel can be: {Σv = 0} ∩ {‖v‖₁ ≤ z}. Its optimality conditions read
x = (v - a)⁺ - (b - v)⁺ with Σ(v - a)⁺ = Σ(b - v)⁺ = z/2, so the two thresholds separate: one simplex projection of v
and one of -v, no iteration.
"""

from __future__ import annotations

import torch
from torch import Tensor


def _shrink_to_mass(v: Tensor, mass: Tensor) -> Tensor:
    """Return (v - a)⁺ with the one a per row that makes the row sum to `mass`.

    v: (rows, K); mass: (rows, 1), >= 0. Exact (sort and prefix sums), any float type.
    """
    ordered = torch.sort(v, dim=1, descending=True).values
    counts = torch.arange(1, v.shape[1] + 1, dtype=v.dtype, device=v.device)
    excess = torch.cumsum(ordered, dim=1) - mass
    # The condition holds for a prefix of the sorted row; its length is the number of values that stay positive.
    support = (counts * ordered > excess).sum(dim=1, keepdim=True).clamp_min(1)
    threshold = excess.gather(1, support - 1) / support
    return torch.clamp_min(v - threshold, 0.0) * (mass > 0)


def project_l1(v: Tensor, radius: Tensor) -> Tensor:
    """Nearest point of the ℓ1 ball: argmin ‖x - v‖₂ over ‖x‖₁ <= radius.

    v: (rows, K); radius: (rows, 1), >= 0. Returns (rows, K); rows inside their ball come back unchanged.
    """
    inside = v.abs().sum(dim=1, keepdim=True) <= radius
    return torch.where(inside, v, torch.sign(v) * _shrink_to_mass(v.abs(), radius))


def project_zero_sum(v: Tensor, radius: Tensor) -> Tensor:
    """Nearest point of {Σx = 0} ∩ {‖x‖₁ <= radius}.

    v: (rows, K); radius: (rows, 1), >= 0. Returns (rows, K). Centring alone is the answer where the centred row is
    already inside the ball.
    """
    centred = v - v.mean(dim=1, keepdim=True)
    inside = centred.abs().sum(dim=1, keepdim=True) <= radius
    # The centred row has the same projection and loses fewer digits where the mean is large.
    split = _shrink_to_mass(centred, radius / 2) - _shrink_to_mass(-centred, radius / 2)
    return torch.where(inside, centred, split)
