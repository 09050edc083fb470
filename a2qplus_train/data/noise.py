"""Random pictures with random labels: nothing to learn, but a network of any size can be built from them untrained.

With `float_epochs: 0` and `epochs: 0` the weights are those of the initialization, inside their accumulator budgets;
activations are calibrated on these pictures. It needs no files, so networks of full size can be built anywhere.
"""

from __future__ import annotations

import numpy as np

from a2qplus_train.config import TrainConfig
from a2qplus_train.data.types import Data, Split, three_ways

IMAGES = 320
COARSE = 4
"""Pixels of a patch: pictures with some structure keep activations apart, uniform noise averages out."""


def load(config: TrainConfig) -> Data:
    """Images k / 255, float64 (N, C, H, W), patches of random colour with noise on top; labels 0…9, as many of each."""
    channels, height, width = config.image_shape
    rng = np.random.default_rng(config.split_seed)
    patches = rng.random((IMAGES, channels, -(-height // COARSE), -(-width // COARSE)))
    pictures = patches.repeat(COARSE, axis=2).repeat(COARSE, axis=3)[:, :, :height, :width]
    pixels = np.rint(255.0 * (0.7 * pictures + 0.3 * rng.random(pictures.shape)))
    assert config.classes is not None
    labels = np.arange(IMAGES, dtype=np.int64) % config.classes
    return three_ways(
        Split(pixels / 255.0, labels), config.test_fraction, config.validation_fraction, config.split_seed
    )
