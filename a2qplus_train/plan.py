"""From a configuration to the list of its quantized layers: what every constructor, the export and the report share."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from a2qplus_train.config import Method, TrainConfig

CLASSES = {"digits": 10}
IMAGE_SHAPES = {"digits": (1, 8, 8)}


@dataclass(frozen=True)
class LayerPlan:
    """Quantization of one layer with weights.

    `fan_in` is the length of the dot product of one output channel; `accumulator_bits` is None where unconstrained;
    `shared_scale` asks for one weight scale for the whole tensor.
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


def plan(config: TrainConfig) -> tuple[LayerPlan, ...]:
    """Return the layers of `config` in execution order.

    K = 1 has no centred form (centring would leave nothing), so such a layer falls back from A2Q+ to A2Q.
    """
    channels, height, _ = IMAGE_SHAPES[config.dataset]
    size = height >> len(config.pool_after)
    kernel = 3
    widths = [channels, *config.channels]
    flat = widths[-1] * (size * size if config.channels else height * height)
    dense = [flat, *config.hidden, CLASSES[config.dataset]]
    shapes = [("conv", i, o, i * kernel * kernel) for i, o in pairwise(widths)]
    shapes += [("dense", i, o, i) for i, o in pairwise(dense)]
    layers = []
    for index, (name, (kind, inputs, outputs, fan_in)) in enumerate(zip(config.layer_names, shapes, strict=True)):
        first, last = index == 0, index == len(shapes) - 1
        bits = config.accumulator_bits_of(name)
        method: Method = "qat" if bits is None else config.method
        if method == "a2q+" and fan_in == 1:
            method = "a2q"
        layers.append(
            LayerPlan(
                name=name,
                kind="conv" if kind == "conv" else "dense",
                inputs=inputs,
                outputs=outputs,
                fan_in=fan_in,
                weight_bits=config.first_layer_weight_bits if first else config.weight_bits,
                input_bits=config.input_bits if first else config.activation_bits,
                method=method,
                accumulator_bits=bits,
                shared_scale=last and config.label_select,
                bias=last and not config.label_select,
            )
        )
    return tuple(layers)
