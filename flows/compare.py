"""Integer comparison: no tolerance, and the first element that differs is named."""

from __future__ import annotations

import numpy as np

from flows.errors import VerificationFailed
from flows.graph import IntArray


def mismatches(expected: IntArray, got: IntArray) -> int:
    """Number of elements that differ; everything differs where the shapes do."""
    return int(np.count_nonzero(expected != got)) if expected.shape == got.shape else expected.size


def require_equal(what: str, layer: str, expected: IntArray, got: IntArray) -> None:
    """Raises VerificationFailed, naming layer, frame, index, expected and got, unless the arrays (N, …) are equal."""
    if expected.shape != got.shape:
        raise VerificationFailed(f"{what}: {layer}: shape {got.shape} instead of {expected.shape}")
    wrong = np.argwhere(expected != got)
    if len(wrong):
        frame, *index = (int(i) for i in wrong[0])
        where = tuple(wrong[0])
        raise VerificationFailed(
            f"{what}: {layer}: {len(wrong)} of {expected.size} elements differ; the first is frame {frame}, index "
            f"{tuple(index)}: expected {int(expected[where])}, got {int(got[where])}"
        )
