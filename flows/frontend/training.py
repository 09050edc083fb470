"""`training.json` against the network it came with: which layer was trained for which accumulator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from flows.errors import ConfigError
from flows.frontend.read_model import Network


def trained_bits(network: Network, training: Mapping[str, Any]) -> list[int | None]:
    """The accumulator width of every layer, in order; None where a layer was trained without one.

    A name alone proves nothing: number, operator, widths and (where given) the largest l1 norm of the integer weights
    must agree, layer by layer. Raises ConfigError naming the layer and the entry that differs.
    """
    _check_input(network, training.get("input", {}))
    entries = training.get("layers")
    if not isinstance(entries, list) or len(entries) != len(network.layers):
        count = len(entries) if isinstance(entries, list) else "no list of"
        raise ConfigError(f"training.json: {count} layers, the model has {len(network.layers)}; {_ADVICE}")
    widths: list[int | None] = []
    for entry, (_, layer) in zip(entries, network.layers, strict=True):
        name = f"layer {entry.get('name', layer.node)!r}"
        l1 = np.abs(layer.weights).reshape(layer.weights.shape[0], -1).sum(axis=1)
        facts = {
            "op": layer.op,
            "weight_bits": layer.weight_bits,
            "input_bits": layer.input.bits,
            "input_signed": layer.input.signed,
            "l1_max": int(l1.max()),
        }
        _compare(name, facts, entry)
        width = entry.get("accumulator_bits")
        if width is not None and not (isinstance(width, int) and 1 <= width <= 63):
            raise ConfigError(f"training.json: {name}: accumulator_bits = {width!r} is not a width from 1 to 63")
        widths.append(width)
    return widths


_ADVICE = "model.onnx and training.json do not belong together"


def _check_input(network: Network, given: Mapping[str, Any]) -> None:
    spec = network.input
    facts = {
        "shape": list(spec.shape),
        "bits": spec.bits,
        "signed": spec.signed,
        "narrow": spec.narrow,
        "scale": spec.scale,
        "zero_point": 0,
    }
    _compare("input", facts, given)


def _compare(name: str, facts: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    for key, value in facts.items():
        stated = given.get(key, value)
        if stated != value and not (key == "op" and {stated, value} <= {"Gemm", "MatMul"}):
            raise ConfigError(f"training.json: {name}: {key} = {stated!r}, the model says {value!r}; {_ADVICE}")
