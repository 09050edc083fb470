"""BSD300 from a small folder in the public layout, and every way in which such a folder can be wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from a2qplus_train.config import TrainConfig
from a2qplus_train.data import load
from flows.errors import ConfigError

TRAIN, TEST = ("100075", "100080", "12003", "8143"), ("101085", "3096")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Landscape and portrait pictures, as in the original, but of 49 x 33 pixels."""
    root = tmp_path / "BSDS300"
    for part, names in (("train", TRAIN), ("test", TEST)):
        (root / "images" / part).mkdir(parents=True)
        (root / f"iids_{part}.txt").write_text("".join(f"{name}\n" for name in names))
        for number, name in enumerate(names):
            shape = (33, 49, 3) if number % 2 else (49, 33, 3)
            pixels = np.full(shape, 20 * number + (100 if part == "test" else 0), dtype=np.uint8)
            Image.fromarray(pixels).save(root / "images" / part / f"{name}.jpg", quality=95)
    return root


def config_of(folder: Path, **keys: object) -> TrainConfig:
    return TrainConfig(dataset="bsd300", data_dir=folder, model="espcn", image_size=8, validation_fraction=0.25, **keys)


def test_every_tile_is_on_its_side(folder: Path) -> None:
    data = load(config_of(folder))
    assert len(data.test) == 2 * 6 and len(data.train) == 3 * 6 and len(data.validation) == 6
    assert data.test.images.shape[1:] == (3, 8, 8) and data.test.labels.shape[1:] == (3, 16, 16)
    shades = [{round(float(x) * 255 / 20) for x in split.labels[:, 0, 8, 8]} for split in (data.train, data.validation)]
    assert shades[0] | shades[1] == {0, 1, 2, 3} and not shades[0] & shades[1]
    assert {round(float(x) * 255 / 20) for x in data.test.images[:, 0, 4, 4]} == {5, 6}


def test_the_split_seed_moves_the_validation_pictures_and_the_run_s_seed_does_not(folder: Path) -> None:
    def validation(**keys: int) -> float:
        return float(load(config_of(folder, **keys)).validation.labels.mean())

    assert validation() == validation(seed=3)
    assert len({validation(split_seed=seed) for seed in range(8)}) > 1


def test_wrong_folders_get_one_message(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no BSD300 here; expected iids_train\.txt"):
        load(config_of(tmp_path / "absent"))
    (folder / "images" / "test" / "3096.jpg").unlink()
    with pytest.raises(ConfigError, match=r"1 of 2 pictures are missing, first .*3096\.jpg"):
        load(config_of(folder))
    (folder / "iids_test.txt").write_text("")
    with pytest.raises(ConfigError, match="it is empty"):
        load(config_of(folder))
    (folder / "iids_train.txt").unlink()
    with pytest.raises(ConfigError, match=r"cannot read .*iids_train\.txt"):
        load(config_of(folder))
