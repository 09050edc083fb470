"""What became of every layer's channels, for the report."""

from __future__ import annotations

from typing import Any

from flows.channels.permute import lane_bits
from flows.design import Folding
from flows.graph import Graph, Weighted


def changes(imported: Graph, minimized: Graph, built: Graph, folding: Folding) -> list[dict[str, Any]]:
    """Of every MVAU and VVAU that is not built as `imported`: rows, columns and lanes, [before, after] each.

    `lane_bits`: of all accumulator lanes together, under the policy "exact", before and after the order of the channels
    of `minimized` became that of `built`.
    """
    before, after = lane_bits(minimized, folding), lane_bits(built, folding)
    found: list[dict[str, Any]] = []
    for old, new in zip(imported.of_type(Weighted), built.of_type(Weighted), strict=True):
        bits = [before[new.name], after[new.name]]
        if old.weights.shape != new.weights.shape or bits[0] != bits[1]:
            row = {"name": new.name, "inputs": [old.mw, new.mw], "outputs": [old.mh, new.mh], "lane_bits": bits}
            found.append(row)
    return found
