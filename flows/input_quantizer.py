"""The input quantizer that export, build and driver share: float pixels to integers, in numpy float64 only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def quantize_input(
    x: NDArray[np.floating], scale: float, zero_point: int, bits: int, signed: bool, narrow: bool
) -> NDArray[np.int64]:
    """Return clip(round(x / scale) + zero_point), rounding half to even, as Brevitas does in float64.

    x: any shape, converted to float64; scale: > 0, value of one step; narrow drops the most negative value of a
    signed type (and the largest of an unsigned one). Returns int64, same shape as x. A power-of-two scale makes the
    division exact.

    Raises ValueError for a scale that is not positive and finite, and for inputs that are not finite.
    """
    if not (np.isfinite(scale) and scale > 0):
        raise ValueError(f"the input scale must be positive and finite, got {scale}")
    values = np.asarray(x, dtype=np.float64)
    if not np.isfinite(values).all():
        raise ValueError("the input holds NaN or infinite values")
    if signed:
        low, high = -(2 ** (bits - 1)) + int(narrow), 2 ** (bits - 1) - 1
    else:
        low, high = 0, 2**bits - 1 - int(narrow)
    quantized: NDArray[np.int64] = np.clip(np.rint(values / np.float64(scale)) + zero_point, low, high).astype(np.int64)
    return quantized
