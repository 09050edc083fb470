"""Multi-layer perceptron on flattened images."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from a2qplus_train.config import TrainConfig
from a2qplus_train.models.layers import Layers
from a2qplus_train.plan import plan


def mlp(config: TrainConfig, layers: Layers) -> nn.Sequential:
    """Return input quantizer, flatten, then (dense, BatchNorm, ReLU) per hidden width, then the last dense layer.

    Maps (N, 1, 8, 8) images in [0, 1] to (N, classes) scores.
    """
    steps: OrderedDict[str, nn.Module] = OrderedDict(input=layers.input(), flatten=nn.Flatten())
    planned = plan(config)
    for number, layer in enumerate(planned[:-1], start=1):
        steps[layer.name] = layers.dense(layer)
        steps[f"norm{number}"] = nn.BatchNorm1d(layer.outputs)
        steps[f"relu{number}"] = layers.relu()
    steps[planned[-1].name] = layers.dense(planned[-1])
    return nn.Sequential(steps)
