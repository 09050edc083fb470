"""What is known of every data set without loading it. Light: the configuration reads it, so no torch and no numpy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

DatasetName = Literal["digits", "cifar10", "imagenet", "elpv", "photos", "bsd300", "noise"]
Augmentation = Literal["none", "shift", "crop_flip", "resized_crop", "flip_rotate"]


@dataclass(frozen=True)
class DatasetInfo:
    """Facts of one data set.

    `channels`: planes of an image; `sizes`: legal sides of the network's square input in pixels, None for any;
    `size`: the default side; `classes`: None where the target is an image; `needs_folder`: read from `data_dir`;
    `levels`: 8-bit pixels k are k / 255 (255), digits are k / 16 (16); `augmentation`: as published for the data set.
    """

    channels: int
    size: int
    sizes: tuple[int, ...] | None
    classes: int | None
    needs_folder: bool
    levels: int
    augmentation: Augmentation


DATASETS: Mapping[str, DatasetInfo] = MappingProxyType(
    {
        "digits": DatasetInfo(1, 8, (8,), 10, False, 16, "shift"),
        "cifar10": DatasetInfo(3, 32, (32,), 10, True, 255, "crop_flip"),
        "imagenet": DatasetInfo(3, 224, None, 1000, True, 255, "resized_crop"),
        "elpv": DatasetInfo(1, 64, None, 2, False, 255, "flip_rotate"),
        "photos": DatasetInfo(3, 32, None, None, False, 255, "flip_rotate"),
        "bsd300": DatasetInfo(3, 32, None, None, True, 255, "flip_rotate"),
        "noise": DatasetInfo(3, 32, None, 10, False, 255, "none"),
    }
)


def input_step(dataset: str, bits: int) -> float:
    """Value of one step of the unsigned input quantizer of `bits` bits.

    Digits: 2^(1-bits), so that k / 16 is never a tie. 8-bit pixels: 2^(8-bits) / 255, so that all 8 bits are kept as
    they are.
    """
    return 2.0 ** (1 - bits) if DATASETS[dataset].levels == 16 else 2.0 ** (8 - bits) / 255.0
