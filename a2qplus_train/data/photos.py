"""Photographs for super-resolution that ship inside scikit-image (nine) and scikit-learn (two): nothing to download.

Split by picture, by the fixed lists below; the two motorcycles are one scene (a stereo pair) and stay on one side.
"""

from __future__ import annotations

from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from a2qplus_train.config import TrainConfig
from a2qplus_train.data.pictures import split_of
from a2qplus_train.data.types import Data
from flows.errors import ConfigError

PICTURES: dict[str, tuple[str, ...]] = {
    "train": (
        "motorcycle_left.png", "motorcycle_right.png", "china.jpg", "hubble_deep_field.jpg", "ihc.png", "retina.jpg",
    ),
    "validation": ("rocket.jpg", "chelsea.png"),
    "test": ("astronaut.png", "coffee.png", "flower.jpg"),
}  # fmt: skip
# The eye's ground (retina) is 1411 pixels wide and nearly flat: without a limit it would be half of the training.
MOST_TILES = 96


def load(config: TrainConfig) -> Data:
    """Tiles of `image_size` pixels (low resolution) and `upscale` times as many (high): see `pictures.pairs`.

    `split_seed` and the fractions of the configuration have no say. Raises ConfigError where an installed package
    lacks a picture, or where `image_size` is larger than the pictures.
    """
    size = config.image_shape[1]
    train, validation, test = (
        split_of(map(path_of, PICTURES[name]), size, config.upscale, MOST_TILES if name == "train" else 0)
        for name in ("train", "validation", "test")
    )
    return Data(train=train, validation=validation, test=test)


def path_of(name: str) -> Path:
    """Path of a picture in the installed packages. Raises ConfigError where neither has it."""
    folders: tuple[Traversable, ...] = (
        resources.files("skimage") / "data",
        resources.files("sklearn") / "datasets" / "images",
    )
    for folder in folders:
        path = Path(str(folder / name))
        if path.is_file():
            return path
    raise ConfigError(f"the picture {name} is in neither scikit-image nor scikit-learn; install the pinned versions")
