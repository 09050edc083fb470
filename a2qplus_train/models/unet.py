"""A small U-Net (arXiv 1505.04597): one skip per level, joined by concatenation."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from a2qplus_train.config import TrainConfig
from a2qplus_train.models.blocks import ConvBlock
from a2qplus_train.models.layers import Layers, Network
from flows.errors import ConfigError


class UNet(Network):
    """Encoder levels with 2x2 max-pools between them, decoder levels with nearest-neighbour upsampling.

    At each join the skip and the upsampled stream leave the same activation, so that both have one scale and the
    concatenation is one of integers. Maps (N, C, H, W) images in [0, 1] to (N, C, H·upscale, W·upscale) images on
    the 8-bit grid k / 255.
    """

    def __init__(self, config: TrainConfig, layers: Layers) -> None:
        super().__init__()
        planes, size, _ = config.image_shape
        widths = [config.scaled(channels) for channels in config.channels]
        if size % 2 ** (len(widths) - 1):
            raise ConfigError(
                f"{len(widths) - 1} poolings of the model 'unet' halve an image of {size} pixels unevenly; give fewer "
                "channels entries or another image_size"
            )
        self.input = layers.input()
        self.down = nn.ModuleList()
        inputs = planes
        for level, width in enumerate(widths):
            self.down.append(ConvBlock(layers, f"down.{level}", inputs, width))
            inputs = width
        self.pool = nn.MaxPool2d(2)
        self.upsample = nn.Upsample(scale_factor=2, mode="nearest")
        self.narrow, self.join = nn.ModuleList(), nn.ModuleList()
        for index, level in enumerate(range(len(widths) - 2, -1, -1)):
            width, skip = widths[level], cast(ConvBlock, self.down[level])
            self.narrow.append(ConvBlock(layers, f"narrow.{index}", inputs, width, relu=skip.relu))
            self.join.append(ConvBlock(layers, f"join.{index}", 2 * width, width))
            inputs = width
        self.last = layers.conv("last", inputs, planes * config.upscale**2, last=True)
        self.output = layers.output()
        self.shuffle = nn.PixelShuffle(config.upscale) if config.upscale > 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Images to images."""
        x = self.input(x)
        skips: list[Tensor] = []
        for block in self.down:
            x = block(self.pool(x) if skips else x)
            skips.append(x)
        for narrow, join, skip in zip(self.narrow, self.join, skips[-2::-1], strict=True):
            x = join(torch.cat([skip, narrow(self.upsample(x))], dim=1))
        return cast(Tensor, self.shuffle(self.output(self.last(x))))


def unet(config: TrainConfig, layers: Layers) -> UNet:
    """Return the network; `channels` are those of its levels. Raises ConfigError where a map cannot be halved."""
    return UNet(config, layers)
