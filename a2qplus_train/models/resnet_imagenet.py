"""ResNet18, 34 and 50 in their ImageNet form: a 7x7 stem of stride 2 and a max-pool."""

from __future__ import annotations

from a2qplus_train.config import TrainConfig
from a2qplus_train.models.layers import Chain, Layers
from a2qplus_train.models.resnet import residual_network


def resnet18_imagenet(config: TrainConfig, layers: Layers) -> Chain:
    """Return basic residual blocks, (2, 2, 2, 2) of them unless `blocks` says otherwise."""
    return residual_network(config, layers, kernel=7, stride=2, pool=True, bottleneck=False)


def resnet34_imagenet(config: TrainConfig, layers: Layers) -> Chain:
    """Return basic residual blocks, (3, 4, 6, 3) of them unless `blocks` says otherwise."""
    return residual_network(config, layers, kernel=7, stride=2, pool=True, bottleneck=False)


def resnet50_imagenet(config: TrainConfig, layers: Layers) -> Chain:
    """Return bottleneck blocks, (3, 4, 6, 3) of them unless `blocks` says otherwise."""
    return residual_network(config, layers, kernel=7, stride=2, pool=True, bottleneck=True)
