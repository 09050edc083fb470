"""Metrics against independent computations, and the borders and pictures they are taken over."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio

from a2qplus_train.metrics import psnr, psnr_y, top1


@pytest.fixture
def images() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    targets = rng.random((4, 3, 12, 10))
    return np.clip(targets + rng.normal(0.0, 0.1, targets.shape), 0.0, 1.0), targets


def test_psnr_is_scikit_image_s(images: tuple[np.ndarray, np.ndarray]) -> None:
    found, targets = images
    expected = [peak_signal_noise_ratio(t, f, data_range=1.0) for f, t in zip(found, targets, strict=True)]
    assert psnr(found, targets, 0) == pytest.approx(np.mean(expected), abs=1e-9)
    cut = (slice(None), slice(2, -2), slice(2, -2))
    inner = [peak_signal_noise_ratio(t[cut], f[cut], data_range=1.0) for f, t in zip(found, targets, strict=True)]
    assert psnr(found, targets, 2) == pytest.approx(np.mean(inner), abs=1e-9)


def test_psnr_of_luma_is_scikit_image_s(images: tuple[np.ndarray, np.ndarray]) -> None:
    found, targets = (rgb2ycbcr(x, channel_axis=1)[:, 0] / 255.0 for x in images)
    expected = [peak_signal_noise_ratio(t, f, data_range=1.0) for f, t in zip(found, targets, strict=True)]
    assert psnr_y(*images, 0) == pytest.approx(np.mean(expected), abs=1e-9)


def test_tiles_of_one_picture_count_as_one(images: tuple[np.ndarray, np.ndarray]) -> None:
    found, targets = images
    whole = [np.concatenate(list(x[:2]), axis=1)[None] for x in images]
    rest = [x[2:] for x in images]
    expected = (psnr(whole[0], whole[1], 0) + 2 * psnr(rest[0], rest[1], 0)) / 3
    assert psnr(found, targets, 0, np.array([0, 0, 1, 2])) == pytest.approx(expected, abs=1e-9)
    assert psnr(found, targets, 0, np.array([0, 0, 1, 2])) != pytest.approx(psnr(found, targets, 0), abs=1e-9)


def test_values_outside_the_display_are_clipped_and_nothing_is_infinite() -> None:
    targets = np.ones((1, 3, 4, 4))
    assert psnr(targets + 5.0, targets, 0) == pytest.approx(100.0)


def test_top1_gives_a_tie_to_the_lowest_class() -> None:
    assert top1(np.array([[1, 1], [0, 2]]), np.array([0, 1])) == 100.0
    assert top1(np.array([[1, 1], [0, 2]]), np.array([1, 1])) == 50.0
