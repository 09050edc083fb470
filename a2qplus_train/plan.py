"""The list of a network's quantized layers: what the constructor asked for, as the export and the report see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from a2qplus_train.config import Method, TrainConfig


@dataclass(frozen=True)
class LayerPlan:
    """Quantization and shape of one layer with weights; `name` is the module's path in the network.

    `inputs`, `outputs` in channels; `fan_in` is the length of the dot product of one output channel
    (inputs / groups · kernel area); `kernel`, `stride`, `padding` in pixels (1, 1, 0 for a dense layer); a layer is
    depthwise where `groups` = `inputs` > 1. `input_signed` with 1 bit is bipolar; `accumulator_bits` is None where
    unconstrained; `shared_scale` asks for one weight scale for the whole tensor.
    """

    name: str
    kind: Literal["conv", "dense"]
    inputs: int
    outputs: int
    fan_in: int
    weight_bits: int
    input_bits: int
    method: Method
    accumulator_bits: int | None
    shared_scale: bool = False
    bias: bool = False
    input_signed: bool = False
    kernel: int = 1
    stride: int = 1
    padding: int = 0
    groups: int = 1

    @property
    def depthwise(self) -> bool:
        """Whether every output channel reads one input channel."""
        return self.groups > 1 and self.groups == self.inputs

    @property
    def input_range(self) -> tuple[int, int]:
        """Smallest and largest integer of the input's type; one signed bit is bipolar (-1 and 1)."""
        if not self.input_signed:
            return 0, 2**self.input_bits - 1
        return (-1, 1) if self.input_bits == 1 else (-(2 ** (self.input_bits - 1)), 2 ** (self.input_bits - 1) - 1)


def plan(config: TrainConfig) -> tuple[LayerPlan, ...]:
    """Return the layers of `config` in execution order, from its constructor on torch's meta device (no memory).

    Raises ConfigError where the shape does not fit the image or accumulator_bits names no layer.
    """
    import torch

    from a2qplus_train.models import build_float

    with torch.device("meta"):
        return build_float(config).plan


def method_of(config: TrainConfig, layer: LayerPlan) -> Method:
    """Method of a layer whose shape, widths and `accumulator_bits` are known.

    Unconstrained layers are plain QAT. Depthwise ones are too where no weight of their type can leave the
    accumulator, else they are not centred (unless asked for): centring takes one of their few degrees of freedom.
    K = 1 has no centred form (centring would leave nothing), so such a layer falls back from A2Q+ to A2Q.
    """
    if layer.accumulator_bits is None:
        return "qat"
    largest_weight = 2 ** (layer.weight_bits - 1) - 1
    reach = layer.fan_in * largest_weight * max(abs(end) for end in layer.input_range)
    if layer.depthwise and not config.depthwise_centred and reach < 2 ** (layer.accumulator_bits - 1):
        return "qat"
    centred = layer.fan_in > 1 and (config.depthwise_centred or not layer.depthwise)
    return config.method if centred else "a2q"
