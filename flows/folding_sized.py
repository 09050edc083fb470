"""Whether layers that skip zeros are worth the FIFOs that they want: tried with the depths that each folding needs.

The search for a folding (`flows.folding_search`) takes every FIFO for one of two entries. How deep one must be shows
only in the cycle model of the whole, and a layer that takes its inputs at once, works for long and is then late for the
next may want one as large as what it saves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from flows import fifos
from flows.accumulators import Policy, analyse
from flows.cost import total
from flows.design import Folding
from flows.elaborate import elaborate
from flows.errors import VerificationFailed
from flows.folding import Request, choose
from flows.graph import Graph

IMPOSSIBLE = float("inf")


@dataclass(frozen=True)
class Tried:
    """MVAUs that were not to skip zeros, and what the folding then costs with its FIFOs, in LUTs (estimate)."""

    dense: tuple[str, ...]
    price: float


def skipping(folding: Folding) -> list[str]:
    """The layers that skip tiles of zeros."""
    return [name for name, fold in folding.items() if fold.impl == "sparse"]


def try_dense(graph: Graph, asked: Request, policy: Policy) -> list[Tried]:
    """What was tried, one layer that skips zeros after the other; the cheapest is to be taken."""
    widths = {name: w.implemented(policy) for name, w in analyse(graph).items()}
    best = choose(graph, asked)
    found = [Tried((), price(graph, best, widths))]
    for name in skipping(best):
        dense = (*cheapest(found).dense, name)
        folding = choose(graph, replace(asked, dense=asked.dense | {*dense}))
        found.append(Tried(dense, price(graph, folding, widths)))
    return found


def cheapest(tried: list[Tried]) -> Tried:
    """Of equal ones the first."""
    return min(tried, key=lambda one: one.price)


def price(graph: Graph, folding: Folding, widths: Mapping[str, tuple[int, ...]]) -> float:
    """Of the design with the FIFOs and windows' memories that it needs, in LUTs, by the area model."""
    try:
        sizing = fifos.size(lambda depths: elaborate(graph, folding, widths, depths), {})
    except VerificationFailed:  # a stage that stalls by itself: not at this rate
        return IMPOSSIBLE
    return total(elaborate(graph, folding, widths, sizing.entries)).price
