"""MobileNetV1 (arXiv 1704.04861): depthwise 3x3 and pointwise 1x1 convolutions in turn."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from a2qplus_train.config import TrainConfig
from a2qplus_train.models.blocks import ConvBlock, Head
from a2qplus_train.models.layers import Chain, Layers

LARGE_IMAGE = 64


def mobilenetv1(config: TrainConfig, layers: Layers) -> Chain:
    """Return the network: `channels` are those of the first convolution and of the pointwise ones.

    A depthwise convolution halves the map where the channels grow, except right after the first convolution, which
    itself halves images of 64 pixels or more. Maps (N, C, H, W) images in [0, 1] to (N, classes) scores.
    """
    steps: OrderedDict[str, nn.Module] = OrderedDict(input=layers.input())
    inputs, size, _ = config.image_shape
    outputs = config.scaled(config.channels[0])
    steps["conv"] = ConvBlock(layers, "conv", inputs, outputs, stride=2 if size >= LARGE_IMAGE else 1)
    before = config.channels[0]
    for number, channels in enumerate(config.channels[1:], start=1):
        inputs, outputs = outputs, config.scaled(channels)
        stride = 2 if number > 1 and channels > before else 1
        depth, point = f"depthwise{number}", f"pointwise{number}"
        steps[depth] = ConvBlock(layers, depth, inputs, inputs, stride=stride, groups=inputs)
        steps[point] = ConvBlock(layers, point, inputs, outputs, kernel=1)
        before = channels
    assert config.classes is not None
    steps["head"] = Head(layers, "head", outputs, config.classes)
    return Chain(steps)
