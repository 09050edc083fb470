"""Networks by name, each a constructor (config, layers) -> nn.Sequential with the same module names in both forms."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from a2qplus_train.config import TrainConfig
from a2qplus_train.models.cnn import cnn
from a2qplus_train.models.layers import FloatLayers, Layers, QuantLayers
from a2qplus_train.models.mlp import mlp

REGISTRY: dict[str, Callable[[TrainConfig, Layers], nn.Sequential]] = {"cnn": cnn, "mlp": mlp}

__all__ = ["REGISTRY", "build_float", "build_quantized"]


def build_float(config: TrainConfig) -> nn.Sequential:
    """Return the float network of `config`, freshly initialized from torch's global generator."""
    return REGISTRY[config.model](config, FloatLayers(config))


def build_quantized(config: TrainConfig) -> nn.Sequential:
    """Return the quantized network of `config`; the float network's state dict fits its weights and BatchNorms."""
    return REGISTRY[config.model](config, QuantLayers(config))
