"""ESPCN (arXiv 1609.05158), super-resolution by convolutions at the low resolution."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from a2qplus_train.config import TrainConfig
from a2qplus_train.models.blocks import ConvBlock
from a2qplus_train.models.layers import Chain, Layers


def espcn(config: TrainConfig, layers: Layers) -> Chain:
    """Return the network that ends in a pixel shuffle (sub-pixel convolution).

    Maps (N, C, H, W) images in [0, 1] to (N, C, H·upscale, W·upscale) images on the 8-bit grid k / 255. The output's
    quantizer stands before the shuffle, which only moves pixels: in hardware it belongs to the last convolution.
    """
    steps, inputs = _body(config, layers)
    planes = config.image_shape[0]
    steps["last"] = layers.conv("last", inputs, planes * config.upscale**2, last=True)
    steps["output"] = layers.output()
    steps["shuffle"] = nn.PixelShuffle(config.upscale)
    return Chain(steps)


def espcn_nn(config: TrainConfig, layers: Layers) -> Chain:
    """Return the variant that repeats pixels (nearest neighbour) and convolves at the high resolution.

    Maps (N, C, H, W) images in [0, 1] to (N, C, H·upscale, W·upscale) images on the 8-bit grid k / 255.
    """
    steps, inputs = _body(config, layers)
    steps["upsample"] = nn.Upsample(scale_factor=config.upscale, mode="nearest")
    steps["last"] = layers.conv("last", inputs, config.image_shape[0], last=True)
    steps["output"] = layers.output()
    return Chain(steps)


def _body(config: TrainConfig, layers: Layers) -> tuple[OrderedDict[str, nn.Module], int]:
    """5x5, then 3x3 convolutions at the low resolution."""
    steps: OrderedDict[str, nn.Module] = OrderedDict(input=layers.input())
    inputs = config.image_shape[0]
    for number, channels in enumerate(config.channels, start=1):
        outputs, name = config.scaled(channels), f"conv{number}"
        steps[name] = ConvBlock(layers, name, inputs, outputs, kernel=5 if number == 1 else 3)
        inputs = outputs
    return steps, inputs
