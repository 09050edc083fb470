"""Networks with random weights for benchmarks of the compiler: nothing is trained, and nothing depends on training."""

from __future__ import annotations

from collections.abc import Sequence

from tests.networks import Chain


def cnn(size: int, channels: Sequence[int], hidden: Sequence[int], seed: int = 0) -> Chain:
    """3x3 convolutions of `channels`, a 2x2 pool after each, dense layers of `hidden`, ten classes; W4A4, 8-bit input
    and first layer.
    """
    chain = Chain((size, size, 3), bits=8, seed=seed)
    for number, count in enumerate(channels):
        chain.pad().window().mvau(count, 8 if number == 0 else 4).thresholds().pool()
    chain.flatten()
    for count in hidden:
        chain.mvau(count).thresholds()
    return chain.mvau(10).label()
