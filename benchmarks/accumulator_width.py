"""What a narrow accumulator alone is worth: LUTs and FFs of one folded MVAU and its Thresholding, by accumulator bits.

Peer and limit in the same run: the same modules with 32-bit accumulators. Weights and folding are the same at every
width, so the figures show the registers, adders and comparators that follow the accumulator, and nothing else.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from flows.design import Fold
from flows.elaborate import elaborate
from flows.graph import MVAU, Graph, IntType, Tensor, Thresholding, by_name
from flows.synthesize.yosys import design_resources

WIDTHS = (8, 10, 12, 14, 16, 32)
MW, MH, PE, SIMD = 72, 16, 4, 8


def network() -> Graph:
    """A W4A4 layer, 72 inputs to 16 outputs, sparse enough that 8 bits hold every sum."""
    rng = np.random.default_rng(0)
    weights = np.zeros((MW, MH), dtype=np.int64)
    for c in range(MH):
        weights[rng.choice(MW, 8, replace=False), c] = [1, -1, 2, -2, 1, -1, 3, -3]
    limit = int(np.abs(weights).sum(axis=0).max()) // 2 * 15
    thresholds = np.sort(rng.integers(-limit, limit, (MH, 15)), axis=1)
    u4 = IntType(4, False)
    return Graph(
        "layer", ("x",), ("z",),
        (
            MVAU("MVAU_0", ("x",), ("y",), weights, IntType(4, True)),
            Thresholding("Thresholding_0", ("y",), ("z",), thresholds),
        ),
        by_name([
            Tensor("x", (1, 1, MW), u4, 0, 15),
            Tensor("y", (1, 1, MH), IntType.for_range(-limit, limit, signed=True), -limit, limit),
            Tensor("z", (1, 1, MH), u4, 0, 15),
        ]),
    )  # fmt: skip


def run(folder: Path) -> tuple[dict[str, Any], Table]:
    """(figures by width, table)."""
    graph = network()
    folding = {"MVAU_0": Fold(PE, SIMD), "Thresholding_0": Fold(PE, 1)}
    designs = {str(bits): elaborate(graph, folding, {"MVAU_0": (bits,) * MH}) for bits in WIDTHS}
    found = design_resources(designs, "xc7", folder)
    table = Table(title=f"MVAU {MW}x{MH}, PE {PE}, SIMD {SIMD}, W4A4, and its Thresholding (Yosys, xc7)")
    for column in ("accumulator bits", "MVAU LUT", "MVAU FF", "Thresholding LUT", "both, of 32-bit"):
        table.add_column(column, justify="right")
    rows = []
    layers = {bits: {x.name: x.counts for x in r.layers} for bits, r in found.items()}
    wide = sum(layers["32"][n]["LUT"] for n in folding)
    for bits, by_layer in layers.items():
        both = sum(by_layer[n]["LUT"] for n in folding)
        rows.append({"accumulator_bits": int(bits), "share_of_32": both / wide, **{n: by_layer[n] for n in folding}})
        mvau, thresholding = by_layer["MVAU_0"], by_layer["Thresholding_0"]
        table.add_row(bits, str(mvau["LUT"]), str(mvau["FF"]), str(thresholding["LUT"]), f"{both / wide:.3f}")
    return {"source": "yosys", "family": "xc7", "rows": rows}, table
