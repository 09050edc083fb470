"""Photographs: splits by picture, tiles that fit together, low resolution from Pillow's bicubic filter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from a2qplus_train.config import TrainConfig
from a2qplus_train.data import load
from a2qplus_train.data.photos import MOST_TILES, PICTURES, path_of
from a2qplus_train.data.pictures import bicubic, pairs, read_picture, split_of
from flows.errors import ConfigError


@pytest.fixture
def picture() -> Image.Image:
    rng = np.random.default_rng(0)
    return Image.fromarray(rng.integers(0, 256, (70, 101, 3), dtype=np.uint8))


def test_no_picture_and_no_scene_is_in_two_splits() -> None:
    names = [name for split in PICTURES.values() for name in split]
    assert len(names) == len(set(names)) == 11
    assert len({split for split, names in PICTURES.items() for name in names if "motorcycle" in name}) == 1
    assert all(path_of(name).is_file() for name in names)


def test_splits_have_every_tile_and_an_8_bit_grid() -> None:
    data = load(TrainConfig(dataset="photos", model="espcn", image_size=32))
    for name, split in (("train", data.train), ("validation", data.validation), ("test", data.test)):
        assert split.images.shape[1:] == (3, 32, 32) and split.labels.shape[1:] == (3, 64, 64)
        assert set(split.pictures) == set(range(len(PICTURES[name])))
        for values in (split.images, split.labels):
            assert values.dtype == np.float64 and values.min() >= 0.0 and values.max() <= 1.0
            assert np.array_equal(np.rint(values * 255.0) / 255.0, values)
    assert np.bincount(data.train.pictures).max() == MOST_TILES
    assert len(data.validation.images) == 6 * 10 + 4 * 7
    assert len(data.test.images) == 8 * 8 + 6 * 9 + 6 * 10


def test_tiles_put_together_are_the_picture(picture: Image.Image) -> None:
    low, high = pairs(picture, 8, 3)
    assert low.shape == (8, 3, 8, 8) and high.shape == (8, 3, 24, 24)
    whole = np.asarray(picture)[11:59, 2:98]
    back = high.reshape(2, 4, 3, 24, 24).transpose(0, 3, 1, 4, 2).reshape(48, 96, 3)
    assert np.array_equal(back, whole)
    small = np.asarray(Image.fromarray(whole).resize((32, 16), Image.Resampling.BICUBIC))
    assert np.array_equal(low.reshape(2, 4, 3, 8, 8).transpose(0, 3, 1, 4, 2).reshape(16, 32, 3), small)


def test_a_limit_of_tiles_spreads_over_the_picture(picture: Image.Image, tmp_path: Path) -> None:
    picture.save(tmp_path / "a.png")
    every, few = split_of([tmp_path / "a.png"], 8, 2), split_of([tmp_path / "a.png"], 8, 2, most=3)
    assert len(every) == 24 and len(few) == 3
    assert np.array_equal(few.images, every.images[[0, 12, 23]])


def test_bicubic_scales_each_plane_alone(picture: Image.Image) -> None:
    images = np.asarray(picture.crop((0, 0, 12, 10))).transpose(2, 0, 1)[None] / 255.0
    found = bicubic(images, 2)
    assert found.shape == (1, 3, 20, 24)
    assert np.array_equal(found[:, 1:2], bicubic(images[:, 1:2], 2))
    flat = np.full((2, 1, 5, 7), 0.25)
    assert np.array_equal(bicubic(flat, 3), np.full((2, 1, 15, 21), 0.25))


def test_wrong_pictures_are_named(picture: Image.Image, tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("no picture")
    with pytest.raises(ConfigError, match=r"text\.jpg"):
        read_picture(tmp_path / "text.jpg")
    with pytest.raises(ConfigError, match=r"absent\.jpg: No such file"):
        read_picture(tmp_path / "absent.jpg")
    picture.save(tmp_path / "small.png")
    with pytest.raises(ConfigError, match="smaller image_size"):
        split_of([tmp_path / "small.png"], 64, 2)
    with pytest.raises(ConfigError, match=r"neither scikit-image nor scikit-learn"):
        path_of("absent.png")
