"""Chains of operators with random weights as trained layers have them: most are small."""

from __future__ import annotations

import numpy as np

from flows.graph import IntArray
from tests.networks import Chain


class Layers(Chain):
    """A chain whose weights are Laplacian, none of them zero."""

    def _weights(self, mw: int, mh: int, bits: int) -> IntArray:
        largest = (1 << (bits - 1)) - 1
        drawn = np.rint(self.rng.laplace(0, largest / 3, (mw, mh))).astype(np.int64)
        return np.where(drawn == 0, 1, np.clip(drawn, -largest, largest))
