"""Berkeley segmentation data set, 300 photographs (481 x 321), from a local folder in its public layout.

    DATA_DIR/iids_train.txt   iids_test.txt     one picture number a line (200 and 100)
    DATA_DIR/images/train/NUMBER.jpg            images/test/NUMBER.jpg

That is what BSDS300-images.tgz unpacks to, as the folder BSDS300. Validation pictures are taken from the training list.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from a2qplus_train.config import TrainConfig
from a2qplus_train.data.pictures import split_of
from a2qplus_train.data.types import Data
from flows.errors import ConfigError


def load(config: TrainConfig) -> Data:
    """Tiles of `image_size` pixels (low resolution) and `upscale` times as many (high): see `pictures.pairs`.

    `validation_fraction` of the training pictures, drawn by `split_seed`, choose the checkpoint; whole pictures, so no
    tile of one is on both sides. Raises ConfigError for a folder that is not in the layout above.
    """
    folder = config.data_dir
    if folder is None or not (folder / "images" / "train").is_dir():
        raise ConfigError(
            f"data_dir {folder}: no BSD300 here; expected iids_train.txt, iids_test.txt, images/train and images/test "
            "(the folder BSDS300 of BSDS300-images.tgz)"
        )
    listed, test = _pictures(folder, "train"), _pictures(folder, "test")
    count = max(1, round(len(listed) * config.validation_fraction))
    if count >= len(listed):
        raise ConfigError(f"{folder / 'iids_train.txt'} lists too few pictures to cut a validation split off")
    order = np.random.default_rng(config.split_seed).permutation(len(listed))
    validation = [listed[i] for i in sorted(order[:count])]
    train = [listed[i] for i in sorted(order[count:])]
    train_split, validation_split, test_split = (
        split_of(paths, config.image_shape[1], config.upscale) for paths in (train, validation, test)
    )
    return Data(train=train_split, validation=validation_split, test=test_split)


def _pictures(folder: Path, part: str) -> list[Path]:
    """Paths of the pictures that iids_PART.txt lists. Raises ConfigError."""
    index = folder / f"iids_{part}.txt"
    try:
        numbers = index.read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "not plain text"
        raise ConfigError(f"cannot read {index}, BSD300's list of pictures: {reason}") from None
    paths = [folder / "images" / part / f"{number}.jpg" for number in numbers]
    missing = [path for path in paths if not path.is_file()]
    if missing or not paths:
        what = f"{len(missing)} of {len(paths)} pictures are missing, first {missing[0]}" if missing else "it is empty"
        raise ConfigError(f"{index}: {what}")
    return paths
