"""Random changes of training images, as published for each data set; every one takes its numbers from one generator."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from a2qplus_train.config import TrainConfig

PADDING = 4  # CIFAR-10's usual crop (He et al., 2016)
AREA = (0.08, 1.0)  # ImageNet's usual crop: share of the area, and aspect ratio (Szegedy et al., 2015)
ASPECT = (3.0 / 4.0, 4.0 / 3.0)


def augmented(
    config: TrainConfig, images: Tensor, targets: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return a training batch changed as `config.augmentation` says. images: (N, C, H, W), H = W.

    Target images (N, C, H', W') go through the same flips and turns as their images; labels stay as they are.
    """
    if config.augmentation == "shift":
        return shifted(images, config.augment_shift, generator), targets
    if config.augmentation == "crop_flip":
        return flipped(cropped(images, generator), generator), targets
    if config.augmentation == "resized_crop":
        return flipped(resized_crop(images, generator), generator), targets
    if config.augmentation == "flip_rotate":
        turns = torch.rand((3, len(images)), generator=generator) < 0.5
        return turned(images, turns), turned(targets, turns) if targets.dim() == 4 else targets
    return images, targets


def shifted(images: Tensor, distance: float, generator: torch.Generator) -> Tensor:
    """Move each image by up to `distance` pixels in both directions, bilinear, zeros coming in. images: (N, C, H, W).

    Sub-pixel moves only blur and lean a digit; whole pixels would cut strokes off an 8x8 image.
    """
    if distance == 0.0:
        return images
    height, width = images.shape[-2:]
    moves = (2.0 * torch.rand((len(images), 2), generator=generator) - 1.0) * distance
    transform = torch.eye(2, 3).repeat(len(images), 1, 1)
    # affine_grid counts from -1 to 1 over the image, so one pixel is 2 / size.
    transform[:, :, 2] = moves * torch.tensor([2.0 / width, 2.0 / height])
    return _sampled(images, transform)


def cropped(images: Tensor, generator: torch.Generator) -> Tensor:
    """Pad by 4 zeros and cut the old size out again, at a random place of each image. images: (N, C, H, W)."""
    count, _, height, width = images.shape
    padded = functional.pad(images, (PADDING,) * 4)
    top, left = torch.randint(2 * PADDING + 1, (2, count, 1), generator=generator)
    rows = (top + torch.arange(height))[:, None, :, None]
    columns = (left + torch.arange(width))[:, None, None, :]
    index = torch.arange(count)[:, None, None, None]
    planes = torch.arange(images.shape[1])[None, :, None, None]
    return padded[index, planes, rows, columns]


def resized_crop(images: Tensor, generator: torch.Generator) -> Tensor:
    """Cut a random rectangle out of each image and scale it to the old size, bilinear. images: (N, C, H, W)."""
    share, aspect, x, y = torch.rand((4, len(images)), generator=generator)
    area = AREA[0] + (AREA[1] - AREA[0]) * share
    ratio = (ASPECT[0] * (ASPECT[1] / ASPECT[0]) ** aspect).sqrt()
    width, height = (area.sqrt() * ratio).clamp_max(1.0), (area.sqrt() / ratio).clamp_max(1.0)
    transform = torch.zeros((len(images), 2, 3))
    transform[:, 0, 0], transform[:, 1, 1] = width, height
    transform[:, 0, 2], transform[:, 1, 2] = (1.0 - width) * (2.0 * x - 1.0), (1.0 - height) * (2.0 * y - 1.0)
    return _sampled(images, transform)


def flipped(images: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror about half of the images left to right."""
    mirror = torch.rand(len(images), generator=generator) < 0.5
    return torch.where(mirror[:, None, None, None], images.flip(-1), images)


def turned(images: Tensor, turns: Tensor) -> Tensor:
    """Give each image one of the eight symmetries of the square. turns: bool (3, N): mirror, flip, transpose."""
    mirror, flip, transpose = (turn[:, None, None, None] for turn in turns)
    images = torch.where(mirror, images.flip(-1), images)
    images = torch.where(flip, images.flip(-2), images)
    return torch.where(transpose, images.transpose(-1, -2), images)


def _sampled(images: Tensor, transform: Tensor) -> Tensor:
    grid = functional.affine_grid(transform, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False)
