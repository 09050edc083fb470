"""ResNet18 in its CIFAR form: a 3x3 stem that keeps the size."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from a2qplus_train.config import TrainConfig
from a2qplus_train.models.blocks import ConvBlock, Head
from a2qplus_train.models.layers import Chain, Layers
from a2qplus_train.models.residual import stages


def resnet18(config: TrainConfig, layers: Layers) -> Chain:
    """Return stem, basic residual blocks (`blocks` of them with `channels` in each stage) and head.

    Maps (N, C, H, W) images in [0, 1] to (N, classes) scores.
    """
    return residual_network(config, layers, kernel=3, stride=1, pool=False, bottleneck=False)


def residual_network(
    config: TrainConfig, layers: Layers, kernel: int, stride: int, pool: bool, bottleneck: bool
) -> Chain:
    """Return a residual network whose stem has this kernel and stride and, with `pool`, a 3x3 max-pool of stride 2."""
    steps: OrderedDict[str, nn.Module] = OrderedDict(input=layers.input())
    widths = [config.scaled(channels) for channels in config.channels]
    stem = ConvBlock(layers, "stem", config.image_shape[0], widths[0], kernel, stride)
    steps["stem"] = stem
    if pool:
        steps["pool"] = nn.MaxPool2d(3, stride=2, padding=1)
    steps["blocks"], outputs = stages(layers, widths[0], widths, config.blocks, stem.relu, bottleneck)
    assert config.classes is not None
    steps["head"] = Head(layers, "head", outputs, config.classes)
    return Chain(steps)
