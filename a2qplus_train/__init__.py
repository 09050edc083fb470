"""Training for narrow accumulators: float pre-training, A2Q / A2Q+ quantization-aware training, checked export.

The only package of the project that imports torch and Brevitas, and only when one of the names below is first used:
`import a2qplus_train` and `a2qplus_train.config` stay light, so that `flows` can read a training configuration.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

# Brevitas warns at import that a kernel is missing which only its post-training methods use.
warnings.filterwarnings("ignore", message="fast_hadamard_transform package not found")

_HOME = {
    "TrainConfig": "config",
    "train": "trainer",
    "pretrain": "trainer",
    "quantize": "initialize",
    "ep_init": "initialize",
    "calibrate": "initialize",
    "penalty": "quantizers",
    "certify": "certificate",
    "freeze": "freeze",
    "export": "export",
}

__all__ = ["TrainConfig", "calibrate", "certify", "ep_init", "freeze", "penalty", "pretrain", "quantize", "train"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
