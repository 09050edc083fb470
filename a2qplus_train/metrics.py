"""What a trained network is judged by, in float64: top-1 accuracy, PSNR on RGB and on luma."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# ITU-R BT.601 luma of R, G, B in [0, 1], as rgb2ycbcr computes it; the offset 16/255 cancels in a difference.
LUMA = np.array([65.481, 128.553, 24.966]) / 255.0
# Brevitas' super-resolution example clamps the squared error here: an error of nothing is 100 dB, not infinity.
SMALLEST_ERROR = 1e-10


def top1(scores: NDArray[Any], labels: NDArray[np.int64]) -> float:
    """Top-1 accuracy in percent. scores: (N, classes); the lowest index wins a tie, as argmax on the FPGA does."""
    return 100.0 * float((scores.argmax(axis=1) == labels).mean())


Pictures = NDArray[np.int64] | None


def psnr(images: NDArray[Any], targets: NDArray[Any], border: int, pictures: Pictures = None) -> float:
    """Mean over the pictures of 10·log10(1 / MSE) in dB, over all planes.

    images, targets: (N, C, H, W), values in [0, 1] (images are clipped to it, as a display does). `border` pixels at
    each side do not count: the usual cut is the upscaling factor, because padding, not the network, decides them.
    `pictures`, (N,), tells which tiles make up one picture (None: each is one): papers average the PSNR of whole
    pictures, and an average over tiles would be ruled by flat ones.
    """
    return _mean_psnr(_difference(images, targets, border), pictures)


def psnr_y(images: NDArray[Any], targets: NDArray[Any], border: int, pictures: Pictures = None) -> float:
    """As `psnr`, on the luma Y of YCbCr (BT.601, studio range), as papers report it. C must be 3."""
    luma = np.tensordot(_difference(images, targets, border), LUMA, axes=([1], [0]))
    return _mean_psnr(luma, pictures)


def _difference(images: NDArray[Any], targets: NDArray[Any], border: int) -> NDArray[np.float64]:
    inner = slice(border, -border or None)
    found = np.clip(images[..., inner, inner].astype(np.float64), 0.0, 1.0)
    return np.asarray(found - targets[..., inner, inner])


def _mean_psnr(difference: NDArray[np.float64], pictures: Pictures) -> float:
    error = np.square(difference).reshape(len(difference), -1).mean(axis=1)
    if pictures is not None:
        error = np.array([error[pictures == number].mean() for number in np.unique(pictures)])
    return float(np.mean(-10.0 * np.log10(np.maximum(error, SMALLEST_ERROR))))
