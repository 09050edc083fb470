"""ImageNet (ILSVRC 2012) from a local folder, one folder per class (the layout that every training script uses).

    DATA_DIR/train/n01440764/*.JPEG …       DATA_DIR/val/n01440764/*.JPEG …

Classes are numbered in the order of their folders' names, as torchvision's ImageFolder does.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from a2qplus_train.config import TrainConfig
from a2qplus_train.data.lazy import ImageFiles
from a2qplus_train.data.types import Data, Split, cut
from flows.errors import ConfigError

SUFFIXES = (".jpeg", ".jpg", ".png")


def load(config: TrainConfig) -> Data:
    """Test split: the folder val. `validation_fraction` of the training pictures choose the checkpoint.

    Pictures are read when they are indexed. Raises ConfigError for a folder that is not in the layout above.
    """
    folder = config.data_dir
    assert folder is not None
    if not (folder / "train").is_dir() or not (folder / "val").is_dir():
        raise ConfigError(
            f"data_dir {folder}: no ImageNet here; expected the folders train and val, each with one folder per class "
            "(n01440764, …) of JPEG pictures"
        )
    classes = _classes(folder / "train")
    if _classes(folder / "val") != classes:
        raise ConfigError(f"data_dir {folder}: train and val do not hold the same classes")
    assert config.classes is not None
    if len(classes) > config.classes:
        raise ConfigError(f"data_dir {folder}: {len(classes)} class folders, ImageNet has {config.classes}")
    size = config.image_shape[1]
    whole, test = (_split(folder / part, classes, size) for part in ("train", "val"))
    train, validation = cut(whole, config.validation_fraction, config.split_seed)
    return Data(train=train, validation=validation, test=test)


def _classes(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_dir())


def _split(folder: Path, classes: list[str], size: int) -> Split:
    paths: list[Path] = []
    labels: list[int] = []
    for number, name in enumerate(classes):
        found = sorted(path for path in (folder / name).iterdir() if path.suffix.lower() in SUFFIXES)
        if not found:
            raise ConfigError(f"{folder / name}: no picture of this class; expected *.JPEG files")
        paths += found
        labels += [number] * len(found)
    if not paths:
        raise ConfigError(f"{folder}: no class folder; expected n01440764 and so on, with *.JPEG files in each")
    return Split(ImageFiles(paths, size), np.array(labels, dtype=np.int64))
