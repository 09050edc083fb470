"""Chains of operators with random weights, a share of them zero, as trained layers have."""

from __future__ import annotations

import numpy as np

from flows.graph import MVAU, IntType
from flows.ranges import mvau_channel_ranges
from tests.networks import Chain


class Layers(Chain):
    """A chain whose weights are Laplacian; `density` of those of the layers that follow are not zero."""

    density = 1.0

    def mvau(self, mh: int, bits: int = 4) -> Layers:
        last, largest = self.tensors[-1], (1 << (bits - 1)) - 1
        drawn = np.rint(self.rng.laplace(0, largest / 3, (last.shape[2], mh))).astype(np.int64)
        drawn = np.where(drawn == 0, 1, np.clip(drawn, -largest, largest))
        weights = drawn * (self.rng.random(drawn.shape) < self.density)
        weights[0] = np.where(weights.any(axis=0), weights[0], 1)
        lo, hi = mvau_channel_ranges(weights, last.lo, last.hi)
        op = MVAU(*self._names("MVAU"), weights, IntType(bits, True))
        low, high = int(lo.min()), int(hi.max())
        self._add(op, IntType.for_range(low, high, signed=True), low, high)
        return self
