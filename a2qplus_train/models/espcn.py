"""ESPCN (arXiv 1609.05158), super-resolution by convolutions at the low resolution."""

from __future__ import annotations

from collections import OrderedDict
from typing import cast

from torch import Tensor, nn

from a2qplus_train.config import TrainConfig
from a2qplus_train.models.blocks import ConvBlock
from a2qplus_train.models.layers import Chain, Layers, Network

Steps = OrderedDict[str, nn.Module]


class Skip(Network):
    """The convolutions add detail, in steps of an 8-bit pixel, to the input itself, upsampled by repetition.

    Colours then need not pass through narrow activations, and what is left to compute has zero mean, which suits the
    centred kernels of A2Q+. A skip over a whole super-resolution network is VDSR's (arXiv 1511.04587).
    """

    def __init__(self, config: TrainConfig, layers: Layers, detail: Steps) -> None:
        super().__init__()
        self.input = detail.pop("input")
        self.detail = nn.Sequential(detail)
        self.upsample = nn.Upsample(scale_factor=config.upscale, mode="nearest")
        self.output = layers.output()

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) images to (N, C, H·upscale, W·upscale)."""
        x = self.input(x)
        return cast(Tensor, self.output(self.upsample(x) + self.detail(x)))


def espcn(config: TrainConfig, layers: Layers) -> Network:
    """Return the network that ends in a pixel shuffle (sub-pixel convolution).

    Maps (N, C, H, W) images in [0, 1] to (N, C, H·upscale, W·upscale) images on the 8-bit grid k / 255. The last
    convolution's quantizer stands before the shuffle, which only moves pixels: in hardware it belongs to the
    convolution. With `image_skip` it makes detail, and an output quantizer follows the sum.
    """
    steps, inputs, last = _body(config, layers)
    steps["last"] = layers.conv(last, inputs, config.image_shape[0] * config.upscale**2, last=True)
    steps["detail" if config.image_skip else "output"] = _end(config, layers)
    steps["shuffle"] = nn.PixelShuffle(config.upscale)
    return Skip(config, layers, steps) if config.image_skip else Chain(steps)


def espcn_nn(config: TrainConfig, layers: Layers) -> Network:
    """Return the variant that repeats pixels (nearest neighbour) and convolves at the high resolution.

    Maps (N, C, H, W) images in [0, 1] to (N, C, H·upscale, W·upscale) images on the 8-bit grid k / 255.
    """
    steps, inputs, last = _body(config, layers)
    steps["upsample"] = nn.Upsample(scale_factor=config.upscale, mode="nearest")
    steps["last"] = layers.conv(last, inputs, config.image_shape[0], last=True)
    steps["detail" if config.image_skip else "output"] = _end(config, layers)
    return Skip(config, layers, steps) if config.image_skip else Chain(steps)


def _end(config: TrainConfig, layers: Layers) -> nn.Module:
    return layers.detail() if config.image_skip else layers.output()


def _body(config: TrainConfig, layers: Layers) -> tuple[Steps, int, str]:
    """5x5, then 3x3 convolutions at the low resolution; their output channels; the last convolution's path."""
    path = "detail." if config.image_skip else ""
    steps: Steps = OrderedDict(input=layers.input())
    inputs = config.image_shape[0]
    for number, channels in enumerate(config.channels, start=1):
        outputs, name = config.scaled(channels), f"conv{number}"
        steps[name] = ConvBlock(layers, path + name, inputs, outputs, kernel=5 if number == 1 else 3)
        inputs = outputs
    return steps, inputs, f"{path}last"
