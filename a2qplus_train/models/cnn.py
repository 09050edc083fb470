"""Plain convolutional networks: 3x3 convolutions, max-pools where the configuration puts them, dense layers."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from a2qplus_train.config import TrainConfig
from a2qplus_train.models.layers import Chain, Layers
from a2qplus_train.models.mlp import add_dense
from flows.errors import ConfigError


def cnn(config: TrainConfig, layers: Layers) -> Chain:
    """Return input quantizer, then (conv, BatchNorm, activation[, 2x2 max-pool]) per channel entry, then dense layers.

    Maps (N, C, H, W) images in [0, 1] to (N, classes) scores. The convolutions are padded, so the size stays.
    """
    return _convolutional(config, layers, padding=1)


def cnv(config: TrainConfig, layers: Layers) -> Chain:
    """Return FINN's CNV, a small VGG: as `cnn`, but without padding, which bipolar activations have no value for.

    Raises ConfigError where nothing of the image is left.
    """
    return _convolutional(config, layers, padding=0)


def _convolutional(config: TrainConfig, layers: Layers, padding: int) -> Chain:
    steps: OrderedDict[str, nn.Module] = OrderedDict(input=layers.input())
    inputs, size, _ = config.image_shape
    for number, channels in enumerate(config.channels, start=1):
        outputs = config.scaled(channels)
        steps[f"conv{number}"] = layers.conv(f"conv{number}", inputs, outputs, padding=padding)
        steps[f"norm{number}"] = nn.BatchNorm2d(outputs)
        steps[f"relu{number}"] = layers.act()
        size += 2 * padding - 2
        if number in config.pool_after:
            steps[f"pool{number}"] = nn.MaxPool2d(2)
            size //= 2
        if size < 1:
            raise ConfigError(
                f"the model {config.model!r} leaves nothing of an image of {config.image_shape[1]} pixels after "
                f"conv{number}; give fewer channels entries or pool_after"
            )
        inputs = outputs
    steps["flatten"] = nn.Flatten()
    add_dense(steps, config, layers, inputs * size * size, first=len(config.channels) + 1)
    return Chain(steps)
