"""What the host does with a frame before the accelerator and with its result after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from flows.errors import ConfigError, UnsupportedModel
from flows.frontend.chain import Chain
from flows.frontend.exact import Affine
from flows.frontend.spec import HostStep, InputSpec, OutputSpec
from flows.graph import Shape


def check_label_select(chain: Chain) -> None:
    """Raises ConfigError, with the reason, where the largest integer need not be the largest score."""
    advice = "set label_select: false, or train the last layer without bias and with one weight scale"
    if len(chain.output_shape) != 1:
        raise ConfigError(f"label_select: the network's output is a map {chain.output_shape}, not a vector of scores")
    if len(chain.output) < 2:
        raise ConfigError("label_select: the network has a single output; set label_select: false")
    if any(a.scale != chain.output[0].scale for a in chain.output):
        raise ConfigError(f"label_select: the scores have one scale per channel; {advice}")
    if any(a.offset != chain.output[0].offset for a in chain.output):
        raise ConfigError(f"label_select: the scores have one bias per channel; {advice}")
    if chain.output[0].scale <= 0:
        raise ConfigError(f"label_select: the scores' scale is not positive; {advice}")


def input_spec(chain: Chain, head: Sequence[Mapping[str, Any]], shape: tuple[int, ...]) -> InputSpec:
    """`head`: what FINN's graph leaves to the host, in order; `shape`: of the hardware graph's input, batch first.

    Raises UnsupportedModel where FINN's input is not the frame in NHWC or its flattening.
    """
    quantizer, perm = chain.activations[0].quantizer, None
    current = (1, *chain.input_shape)
    for step in head:
        if step["op"] == "Transpose":
            if perm is not None or len(current) != len(chain.input_shape) + 1:
                raise UnsupportedModel("FINN rearranges the network's input more than once")
            perm = tuple(step["perm"])
            current = tuple(current[axis] for axis in perm)
        else:
            current = tuple(step["shape"])
    is_map = len(shape) == 4
    if current != shape or (is_map and perm != (0, 2, 3, 1)) or len(shape) not in (2, 4):
        raise UnsupportedModel(f"FINN's graph takes the input as {shape}; expected NHWC or a vector")
    graph_shape: Shape = (shape[1], shape[2], shape[3]) if is_map else (1, 1, shape[1])
    return InputSpec(
        shape=chain.input_shape,
        scale=float(quantizer.scale),
        zero_point=0,
        bits=quantizer.bits,
        signed=quantizer.signed,
        narrow=quantizer.narrow,
        perm=perm,
        graph_shape=graph_shape,
    )


def output_spec(chain: Chain, channels: Sequence[Affine], label_select: bool) -> OutputSpec:
    """`channels`: value of every output channel as a function of the hardware's integers."""
    if label_select:
        return OutputSpec((1,), (), True)
    steps = [HostStep("Mul", _values([float(a.scale) for a in channels]))]
    if any(a.offset for a in channels):
        steps.append(HostStep("Add", _values([float(a.offset) for a in channels])))
    return OutputSpec(chain.output_shape, tuple(steps))


def _values(values: Sequence[float]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """One number where all channels agree."""
    same = all(v == values[0] for v in values)
    return np.array(values[0] if same else values, dtype=np.float64)
