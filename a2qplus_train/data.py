"""Data sets, split once by a seed of their own: training, validation (chooses checkpoints), test (used at the end)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from a2qplus_train.config import TrainConfig


@dataclass(frozen=True)
class Split:
    """images: float64 (N, C, H, W) in [0, 1]; labels: int64 (N,)."""

    images: NDArray[np.float64]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Data:
    """The three splits. Nothing but the final metric and the exported vectors may look at `test`."""

    train: Split
    validation: Split
    test: Split


def load(config: TrainConfig) -> Data:
    """Load `config.dataset` and split it, stratified by class.

    Digits (scikit-learn, 1797 images of 8x8 pixels with 17 grey levels) are scaled to pixel / 16, exact in float64.
    """
    pixels, labels = load_digits(return_X_y=True)
    images = (pixels.astype(np.float64) / 16.0).reshape(-1, 1, 8, 8)
    whole = Split(images, labels.astype(np.int64))
    rest, test = _cut(whole, config.test_fraction, config.split_seed)
    share = config.validation_fraction / (1.0 - config.test_fraction)
    train, validation = _cut(rest, share, config.split_seed)
    return Data(train=train, validation=validation, test=test)


def _cut(split: Split, fraction: float, seed: int) -> tuple[Split, Split]:
    keep, cut = train_test_split(np.arange(len(split)), test_size=fraction, random_state=seed, stratify=split.labels)
    return Split(split.images[keep], split.labels[keep]), Split(split.images[cut], split.labels[cut])
