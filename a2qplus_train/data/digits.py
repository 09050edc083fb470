"""scikit-learn's digits: 1797 images of 8x8 pixels with 17 grey levels, inside the package."""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits

from a2qplus_train.config import TrainConfig
from a2qplus_train.data.types import Data, Split, three_ways


def load(config: TrainConfig) -> Data:
    """Images pixel / 16 (exact in float64), (N, 1, 8, 8); labels 0…9; split stratified by class."""
    pixels, labels = load_digits(return_X_y=True)
    images = (pixels.astype(np.float64) / 16.0).reshape(-1, 1, 8, 8)
    whole = Split(images, labels.astype(np.int64))
    return three_ways(whole, config.test_fraction, config.validation_fraction, config.split_seed)
