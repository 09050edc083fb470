"""Solar cells in electroluminescence light, functional or defective: the optional package `elpv-dataset`.

2624 grey images of 300x300 pixels (Buerhop-Lutz et al., 2018; Deitsch et al., 2019, 2021). The data are licensed
CC BY-NC-SA 4.0: NOT for commercial use, and what is made from them is shared alike. They come with the package, which
this project does not depend on: `pip install elpv-dataset` (about 90 MB) is the user's decision.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from a2qplus_train.config import TrainConfig
from a2qplus_train.data.lazy import Pixels
from a2qplus_train.data.types import Data, Split, three_ways
from flows.errors import ConfigError

DEFECTIVE = 0.5  # annotations are 0, 1/3, 2/3 or 1


def load(config: TrainConfig) -> Data:
    """Images scaled to `image_size` (Pillow's box filter) as 8-bit pixels; label 1 where a defect is more likely.

    Split stratified by class. Raises ConfigError where the package is not installed.
    """
    try:
        package = import_module("elpv_dataset.utils")
    except ImportError:
        raise ConfigError(
            "the data set 'elpv' is in the optional package elpv-dataset: pip install elpv-dataset "
            "(licence CC BY-NC-SA 4.0, not for commercial use)"
        ) from None
    images, probability, _ = package.load_dataset()
    size = config.image_shape[1]
    pixels = np.stack([_scaled(image, size) for image in images])[:, None]
    labels = (np.asarray(probability) > DEFECTIVE).astype(np.int64)
    return three_ways(
        Split(Pixels(pixels), labels), config.test_fraction, config.validation_fraction, config.split_seed
    )


def _scaled(image: NDArray[Any], size: int) -> NDArray[np.uint8]:
    picture = Image.fromarray(np.asarray(image, dtype=np.uint8), mode="L")
    return np.asarray(picture.resize((size, size), Image.Resampling.BOX), dtype=np.uint8)
