"""What of a training configuration decides the float network: runs that agree in it can share its pre-training."""

from __future__ import annotations

from typing import Any

from a2qplus_train.config import TrainConfig

# Keys that only the quantized phase or the export reads. A key that is not listed counts as part of the float network:
# forgetting one costs time, never a wrong result.
QUANTIZED_ONLY = frozenset({
    "method", "weight_bits", "first_layer_weight_bits", "last_layer_weight_bits", "input_bits", "accumulator_bits",
    "constrain_first", "constrain_last", "depthwise_centred", "init", "project_steps", "regularizer", "epochs",
    "learning_rate", "tensorboard",
})  # fmt: skip


def float_part(config: TrainConfig) -> dict[str, Any]:
    """The keys of `config` that the float pre-training depends on, as a JSON-like value."""
    return config.model_dump(mode="json", exclude=set(QUANTIZED_ONLY))
