"""Layers of networks that A2Q+ trained, as the front end reads them: digits CNN, its two constrained convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flows.config import load
from flows.frontend.store import load as load_graph
from flows.graph import MVAU, IntArray, IntType
from flows.pipeline import build

CONFIG = Path(__file__).parents[1] / "configs" / "digits_cnn_streaming.yaml"


@dataclass(frozen=True)
class Matrix:
    """Weights (MW, MH) of one layer, trained for accumulators of `bits` bits, and the range of its inputs."""

    name: str
    bits: int
    weights: IntArray
    in_type: IntType
    lo: int
    hi: int


def trained(folder: Path, widths: Sequence[int]) -> list[Matrix]:
    """The layers that are constrained at every width, narrowest first. What was trained before is taken again."""
    found = []
    for bits in widths:
        config = load(CONFIG, (f"train.accumulator_bits={bits}",), folder / f"a2q+_P{bits}")
        build(config, stop="frontend")
        graph = load_graph(config.out / "intermediate_models").graph
        for op in graph.of_type(MVAU):
            if graph.trained_bits.get(op.name) is not None:
                x = graph[op.inputs[0]]
                found.append(Matrix(op.name, bits, op.weights, x.dtype, min(x.lo, 0), max(x.hi, 0)))
    return found
