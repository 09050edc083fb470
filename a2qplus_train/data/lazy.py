"""Images that would not fit in memory as float64: indexed like an array, converted when they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from a2qplus_train.data.pictures import read_picture

RESIZE = 256 / 224  # published ImageNet evaluation: shorter side to 256 pixels, then the central 224 x 224


class Pixels:
    """8-bit images in memory, uint8 (N, C, H, W); an index gives float64 k / 255."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self.pixels = pixels
        self.shape: tuple[int, ...] = pixels.shape

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: Any) -> NDArray[np.float64]:
        """index: int, slice, or integers (n,); returns float64 (C, H, W) or (n, C, H, W)."""
        return np.asarray(self.pixels[index], dtype=np.float64) / 255.0

    def take(self, indices: NDArray[np.int64], axis: int = 0) -> Pixels:
        """Return the images of these indices, still as 8-bit pixels."""
        return Pixels(self.pixels.take(indices, axis=axis))


class ImageFiles:
    """Colour pictures on disk, read when they are indexed.

    Each is scaled (Pillow, bilinear) so that its shorter side is size · 256/224 pixels, and its centre of `size` pixels
    is cut out: float64 k / 255, (3, size, size).
    """

    def __init__(self, paths: Sequence[Path], size: int) -> None:
        self.paths, self.size = tuple(paths), size
        self.shape: tuple[int, ...] = (len(self.paths), 3, size, size)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: Any) -> NDArray[np.float64]:
        """index: int, slice, or integers (n,). Raises ConfigError naming a file that is no picture."""
        chosen = np.arange(len(self.paths))[index]
        if chosen.ndim == 0:
            return self._read(self.paths[int(chosen)])
        images = np.empty((len(chosen), *self.shape[1:]), dtype=np.float64)
        for row, number in enumerate(chosen):
            images[row] = self._read(self.paths[int(number)])
        return images

    def take(self, indices: NDArray[np.int64], axis: int = 0) -> ImageFiles:
        """Return the images of these indices, unread."""
        assert axis == 0
        return ImageFiles([self.paths[int(i)] for i in indices], self.size)

    def _read(self, path: Path) -> NDArray[np.float64]:
        picture = read_picture(path)
        shorter = round(self.size * RESIZE)
        factor = shorter / min(picture.size)
        width, height = (max(shorter, round(side * factor)) for side in picture.size)
        picture = picture.resize((width, height), Image.Resampling.BILINEAR)
        left, top = (width - self.size) // 2, (height - self.size) // 2
        pixels = np.asarray(picture)[top : top + self.size, left : left + self.size]
        return pixels.transpose(2, 0, 1).astype(np.float64) / 255.0
