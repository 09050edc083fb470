"""From colour pictures to pairs of low and high resolution, for super-resolution."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from a2qplus_train.data.types import Split
from flows.errors import ConfigError


def read_picture(path: Path) -> Image.Image:
    """Read one picture as 8-bit RGB. Raises ConfigError naming a file that is missing or no picture."""
    try:
        with Image.open(path) as picture:
            return picture.convert("RGB")
    except OSError as error:
        raise ConfigError(f"cannot read the picture {path}: {error.strerror or 'it is no image file'}") from None


def pairs(picture: Image.Image, size: int, upscale: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Cut a picture into a centred grid of tiles that do not overlap, and return (low, high), row by row.

    low: uint8 (N, 3, size, size); high: uint8 (N, 3, size·upscale, size·upscale). The whole grid is scaled down at
    once, by Pillow's bicubic filter (its support grows with the factor, so nothing aliases, as in MATLAB's imresize)
    and rounded to 8 bits, so that a tile knows its neighbours as a camera's would. N is 0 where the picture is smaller
    than one tile.
    """
    side = size * upscale
    columns, rows = picture.width // side, picture.height // side
    if not columns * rows:
        return np.empty((0, 3, size, size), np.uint8), np.empty((0, 3, side, side), np.uint8)
    left, top = (picture.width - columns * side) // 2, (picture.height - rows * side) // 2
    high = picture.crop((left, top, left + columns * side, top + rows * side))
    low = high.resize((columns * size, rows * size), Image.Resampling.BICUBIC)
    return _tiles(low, size), _tiles(high, side)


def _tiles(picture: Image.Image, side: int) -> NDArray[np.uint8]:
    pixels = np.asarray(picture)
    rows, columns = pixels.shape[0] // side, pixels.shape[1] // side
    grid = pixels.reshape(rows, side, columns, side, 3).transpose(0, 2, 4, 1, 3)
    return np.ascontiguousarray(grid.reshape(-1, 3, side, side))


def split_of(paths: Iterable[Path], size: int, upscale: int, most: int = 0) -> Split:
    """The tiles of all pictures as one split: images and labels float64 in [0, 1], pixel / 255; pictures from 0.

    `most` > 0 keeps no more tiles of one picture, evenly spread over it, so that a large one does not outweigh the
    rest. Raises ConfigError where no picture is as large as one tile.
    """
    lows, highs, numbers = [], [], []
    for number, path in enumerate(paths):
        low, high = pairs(read_picture(path), size, upscale)
        keep = np.linspace(0, len(low) - 1, most).round().astype(np.int64) if 0 < most < len(low) else slice(None)
        lows.append(low[keep])
        highs.append(high[keep])
        numbers += [number] * len(lows[-1])
    if not sum(map(len, lows)):
        raise ConfigError(
            f"image_size {size} with upscale {upscale} needs pictures of at least {size * upscale} x {size * upscale} "
            "pixels, and no picture of the split is that large; choose a smaller image_size"
        )
    return Split(np.concatenate(lows) / 255.0, np.concatenate(highs) / 255.0, np.array(numbers, dtype=np.int64))


def bicubic(images: NDArray[np.float64], upscale: int) -> NDArray[np.float64]:
    """Upscale by Pillow's bicubic filter, in float32: what a super-resolution network has to beat.

    images: (N, C, H, W). Returns (N, C, H·upscale, W·upscale), not clipped.
    """
    shape = (images.shape[3] * upscale, images.shape[2] * upscale)
    planes = [
        np.asarray(Image.fromarray(plane).resize(shape, Image.Resampling.BICUBIC))
        for plane in images.reshape(-1, *images.shape[2:]).astype(np.float32)
    ]
    return np.stack(planes).reshape(*images.shape[:2], shape[1], shape[0]).astype(np.float64)
