"""A data set as the trainer sees it: three splits of images and targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Split:
    """images: float64 (N, C, H, W) in [0, 1], an array or one of `lazy`'s two; labels: int64 (N,) of a
    classification, or float64 target images (N, C, H', W'); pictures: int64 (N,), the picture that each image is a
    tile of, None where images are whole."""

    images: Any
    labels: NDArray[Any]
    pictures: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Data:
    """The three splits. Nothing but the final metric and the exported vectors may look at `test`."""

    train: Split
    validation: Split
    test: Split


def cut(split: Split, fraction: float, seed: int) -> tuple[Split, Split]:
    """Split a labelled split in two, stratified by class; the second part gets `fraction` of it."""
    from sklearn.model_selection import train_test_split

    keep, taken = train_test_split(np.arange(len(split)), test_size=fraction, random_state=seed, stratify=split.labels)
    images = split.images  # files and 8-bit pixels stay what they are
    return Split(images.take(keep, axis=0), split.labels[keep]), Split(images.take(taken, axis=0), split.labels[taken])


def three_ways(whole: Split, test: float, validation: float, seed: int) -> Data:
    """Split one labelled set; `test` and `validation` are fractions of the whole."""
    rest, test_split = cut(whole, test, seed)
    train, validation_split = cut(rest, validation / (1.0 - test), seed)
    return Data(train=train, validation=validation_split, test=test_split)
