"""Networks by name, each a constructor (config, layers) -> Network with the same module names in both forms."""

from __future__ import annotations

from collections.abc import Callable

from a2qplus_train.config import TrainConfig
from a2qplus_train.models.cnn import cnn, cnv
from a2qplus_train.models.espcn import espcn, espcn_nn
from a2qplus_train.models.layers import FloatLayers, Layers, Network, QuantLayers
from a2qplus_train.models.mlp import mlp
from a2qplus_train.models.mobilenetv1 import mobilenetv1
from a2qplus_train.models.resnet import resnet18
from a2qplus_train.models.resnet_imagenet import resnet18_imagenet, resnet34_imagenet, resnet50_imagenet
from a2qplus_train.models.unet import unet
from flows.errors import ConfigError

REGISTRY: dict[str, Callable[[TrainConfig, Layers], Network]] = {
    "cnn": cnn,
    "cnv": cnv,
    "mlp": mlp,
    "mobilenetv1": mobilenetv1,
    "resnet18": resnet18,
    "resnet18_imagenet": resnet18_imagenet,
    "resnet34_imagenet": resnet34_imagenet,
    "resnet50_imagenet": resnet50_imagenet,
    "espcn": espcn,
    "espcn_nn": espcn_nn,
    "unet": unet,
}

__all__ = ["REGISTRY", "Network", "build_float", "build_quantized"]


def build_float(config: TrainConfig) -> Network:
    """Return the float network of `config`, freshly initialized from torch's global generator. Raises ConfigError."""
    return _build(config, FloatLayers(config))


def build_quantized(config: TrainConfig) -> Network:
    """Return the quantized network of `config`; the float network's state dict fits its weights and BatchNorms.

    Raises ConfigError.
    """
    return _build(config, QuantLayers(config))


def _build(config: TrainConfig, layers: Layers) -> Network:
    network = REGISTRY[config.model](config, layers)
    network.config, network.plan = config, tuple(layers.plan)
    if isinstance(config.accumulator_bits, dict):
        names = [layer.name for layer in network.plan]
        unknown = sorted(set(config.accumulator_bits) - set(names))
        if unknown:
            raise ConfigError(
                f"accumulator_bits names no layer of this model: {', '.join(unknown)} (layers: {', '.join(names)})"
            )
    return network
