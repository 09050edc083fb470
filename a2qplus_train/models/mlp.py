"""Multi-layer perceptron on flattened images; hidden (64, 64, 64) is FINN's TFC, (1024, 1024, 1024) its LFC."""

from __future__ import annotations

from collections import OrderedDict
from math import prod

from torch import nn

from a2qplus_train.config import TrainConfig
from a2qplus_train.models.layers import Chain, Layers


def mlp(config: TrainConfig, layers: Layers) -> Chain:
    """Return input quantizer, flatten, then (dense, BatchNorm, activation) per hidden width, then the last layer.

    Maps (N, C, H, W) images in [0, 1] to (N, classes) scores.
    """
    steps: OrderedDict[str, nn.Module] = OrderedDict(input=layers.input(), flatten=nn.Flatten())
    add_dense(steps, config, layers, prod(config.image_shape), first=1)
    return Chain(steps)


def add_dense(steps: OrderedDict[str, nn.Module], config: TrainConfig, layers: Layers, inputs: int, first: int) -> None:
    """Append the hidden dense layers, whose BatchNorms and activations are counted from `first`, and the last one."""
    for number, width in enumerate(config.hidden, start=1):
        outputs, index = config.scaled(width), first + number - 1
        steps[f"dense{number}"] = layers.dense(f"dense{number}", inputs, outputs)
        steps[f"norm{index}"] = nn.BatchNorm1d(outputs)
        steps[f"relu{index}"] = layers.act()
        inputs = outputs
    name = f"dense{len(config.hidden) + 1}"
    assert config.classes is not None
    steps[name] = layers.dense(name, inputs, config.classes, last=True)
