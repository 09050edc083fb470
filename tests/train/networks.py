"""Small configurations of every model, for tests that train nothing or next to nothing."""

from __future__ import annotations

from typing import Any

import torch

from a2qplus_train.config import TrainConfig
from a2qplus_train.initialize import quantize
from a2qplus_train.models import Network, build_float

PICTURES: dict[str, Any] = {"dataset": "photos", "image_size": 8}
SMALL: dict[str, dict[str, Any]] = {
    "cnn": {"channels": (4, 6), "pool_after": (2,), "hidden": (8,)},
    "mlp": {"hidden": (16, 12)},
    "cnv": {"channels": (8, 8, 8), "pool_after": (), "hidden": (16,)},
    "mobilenetv1": {"channels": (16, 32, 48, 48), "width": 0.25},
    "resnet18": {"channels": (4, 8), "blocks": (2, 1)},
    "resnet18_imagenet": {"channels": (4, 8), "blocks": (2, 1)},
    "resnet34_imagenet": {"channels": (4, 6), "blocks": (1, 2)},
    "resnet50_imagenet": {"channels": (4, 6), "blocks": (1, 1)},
    "espcn": {"channels": (8, 6), **PICTURES},
    "espcn_nn": {"channels": (8, 6), **PICTURES},
    "unet": {"channels": (4, 6, 6), **PICTURES},
}
W1A1 = {"weight_bits": 1, "first_layer_weight_bits": 1, "last_layer_weight_bits": 1, "activation_bits": 1}
W2A2 = {
    "weight_bits": 2,
    "first_layer_weight_bits": 2,
    "last_layer_weight_bits": 2,
    "activation_bits": 2,
    "signed_activations": True,
}
# (model, method, further keys): every model with every method, bipolar and ternary where they are meant to be used.
CASES: list[tuple[str, str, dict[str, Any]]] = [
    *[(model, method, {}) for model in SMALL for method in ("a2q+", "a2q", "qat")],
    *[(model, "qat", bits) for model in ("mlp", "cnv") for bits in (W1A1, W2A2)],
    ("mobilenetv1", "a2q+", {"depthwise_centred": True, "accumulator_bits": 9}),
    ("resnet18", "a2q+", {"label_select": False, "constrain_last": True, "last_layer_weight_bits": 4}),
    ("cnv", "a2q+", {"signed_activations": True}),
    ("espcn", "a2q+", {"image_skip": True}),
    ("espcn_nn", "a2q", {"image_skip": True}),
]


def small_config(model: str, method: str = "a2q+", **keys: Any) -> TrainConfig:
    """The small form of a model; accumulators of 10 bits, the smallest that leave every one of them alive."""
    return TrainConfig(**{"accumulator_bits": 10, **SMALL[model], "model": model, "method": method, **keys})


def untrained(config: TrainConfig, seed: int = 0) -> tuple[Network, torch.Tensor]:
    """A quantized network from random weights with calibrated activations, and the float32 images that did it."""
    torch.manual_seed(seed)
    images = torch.rand(8, *config.image_shape)
    images[1] = 0.0
    return quantize(build_float(config), images=images), images
