"""Plain convolutional network: 3x3 convolutions, max-pools where the configuration puts them, dense layers."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from a2qplus_train.config import TrainConfig
from a2qplus_train.models.layers import Layers
from a2qplus_train.plan import plan


def cnn(config: TrainConfig, layers: Layers) -> nn.Sequential:
    """Return input quantizer, then (conv, BatchNorm, ReLU[, 2x2 max-pool]) per channel entry, then the dense head.

    Maps (N, 1, 8, 8) images in [0, 1] to (N, classes) scores.
    """
    steps: OrderedDict[str, nn.Module] = OrderedDict(input=layers.input())
    planned = plan(config)
    convs = [p for p in planned if p.kind == "conv"]
    dense = [p for p in planned if p.kind == "dense"]
    for number, layer in enumerate(convs, start=1):
        steps[layer.name] = layers.conv(layer)
        steps[f"norm{number}"] = nn.BatchNorm2d(layer.outputs)
        steps[f"relu{number}"] = layers.relu()
        if number in config.pool_after:
            steps[f"pool{number}"] = nn.MaxPool2d(2)
    steps["flatten"] = nn.Flatten()
    for number, layer in enumerate(dense[:-1], start=len(convs) + 1):
        steps[layer.name] = layers.dense(layer)
        steps[f"norm{number}"] = nn.BatchNorm1d(layer.outputs)
        steps[f"relu{number}"] = layers.relu()
    steps[dense[-1].name] = layers.dense(dense[-1])
    return nn.Sequential(steps)
