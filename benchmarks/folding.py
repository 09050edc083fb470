"""LUTs of the folding that is found, against FINN's `SetFolding` for the same rate, over twenty designs and rates.

Peer: `_set_folding`, FINN's published algorithm. Both are built by us, from the same network, with the FIFO depths that
each of them needs, and synthesized by Yosys; beside it stands what the estimate, by which the search goes, says.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.table import Table

from benchmarks import _networks
from benchmarks._set_folding import set_folding
from flows import fifos
from flows.accumulators import analyse
from flows.cost import total
from flows.design import Design, Folding
from flows.elaborate import elaborate
from flows.folding import Request, choose
from flows.graph import Graph
from flows.synthesize.yosys import design_resources

NETWORKS = {
    "cnn8": _networks.cnn(8, (8, 16), (16,), seed=1),
    "cnn8_wide": _networks.cnn(8, (16, 24), (32,), seed=2),
    "cnn12": _networks.cnn(12, (12, 20), (), seed=3),
    "cnn16": _networks.cnn(16, (8, 16, 24), (24,), seed=4),
    "mlp": _networks.cnn(4, (), (48, 36), seed=5),
}
FAMILY = "xc7"
SHARES = (1, 3, 8, 20)
"""Rates: the cycles of the slowest layer with nothing unrolled, divided by these, as far as a layer can."""


def targets(graph: Graph) -> list[int]:
    """Cycles a frame to fold for."""
    from flows.folding import slowest_cycles
    from flows.folding_search import Lowerings
    from flows.kernels.registry import kernel_of

    low = Lowerings(graph)
    ops = [op for op in graph.ops if op.kind != "Flatten"]
    least = max(min(low.cycles(op, fold) for fold in kernel_of(op).legal(graph, op)) for op in ops)
    return [max(least, slowest_cycles(graph) // share) for share in SHARES]


def sized(graph: Graph, folding: Folding) -> tuple[Design, fifos.Sizing]:
    """The design with the FIFO depths that it needs."""
    widths = {name: w.implemented("exact") for name, w in analyse(graph).items()}
    sizing = fifos.size(lambda depths: elaborate(graph, folding, widths, depths), {})
    return elaborate(graph, folding, widths, sizing.entries), sizing


def run(folder: Path, synthesize: bool = True) -> tuple[dict[str, Any], Table]:
    """(figures by design and rate, table). Without `synthesize` the estimate alone."""
    rows: list[dict[str, Any]] = []
    designs: dict[str, Design] = {}
    for name, chain in NETWORKS.items():
        graph = chain.graph(name)
        for target in targets(graph):
            ours, sizing = sized(graph, choose(graph, Request({}, target)))
            theirs, their_sizing = sized(graph, set_folding(graph, target))
            row = f"{name}_{target}"
            designs |= {f"{row}_ours": ours, f"{row}_set_folding": theirs}
            rows.append({
                "network": name, "target_cycles": target, "interval_cycles": sizing.interval_cycles,
                "set_folding_interval_cycles": their_sizing.interval_cycles,
                "estimate": {"lut": total(ours).lut, "set_folding_lut": total(theirs).lut},
                "meets": sizing.interval_cycles <= target,
            })  # fmt: skip
    if synthesize:
        # All at once: what two designs share is synthesized once.
        found = design_resources(designs, FAMILY, folder)
        for row in rows:
            key = f"{row['network']}_{row['target_cycles']}"
            for end, lut in (("ours", "lut"), ("set_folding", "set_folding_lut")):
                row[lut] = found[f"{key}_{end}"].total["LUT"]
            row["within"] = row["meets"] and row["lut"] <= row["set_folding_lut"]
    source = "yosys" if synthesize else "estimate"
    return {"source": source, "family": FAMILY, "rows": rows}, _table(rows)


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table(title=f"Folding found, against FINN's SetFolding (LUT: Yosys, {FAMILY}, or the estimate)")
    for column in ("network", "cycles asked", "interval", "LUT", "SetFolding LUT", "share", "estimate", "of it"):
        table.add_column(column, justify="right")
    for row in rows:
        shown = ["–", "–", "–"]
        if "lut" in row:
            lut, theirs = row["lut"], row["set_folding_lut"]
            shown = [f"{lut:,}", f"{theirs:,}", f"{lut / theirs:.3f}"]
        estimate = row["estimate"]
        table.add_row(
            row["network"], f"{row['target_cycles']:,}", f"{row['interval_cycles']:,.0f}", *shown,
            f"{estimate['lut']:,.0f}", f"{estimate['lut'] / estimate['set_folding_lut']:.3f}",
        )  # fmt: skip
    return table
