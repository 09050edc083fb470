"""Whether layers that skip zeros are worth the FIFOs that they want: tried with the depths that each folding needs.

The search for a folding (`flows.folding_search`) takes every FIFO for one of two entries. How deep one must be shows
only in the cycle model of the whole, and a layer that takes its inputs at once, works for long and is then late for the
next may want one as large as what it saves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from flows import fifos
from flows.cost import total
from flows.design import Folding
from flows.elaborate import elaborate
from flows.errors import VerificationFailed
from flows.folding import Request, choose
from flows.graph import Graph

IMPOSSIBLE = float("inf")


@dataclass(frozen=True)
class Tried:
    """A folding, the MVAUs that were not to skip zeros, what it costs with its FIFOs in LUTs (estimate)."""

    dense: tuple[str, ...]
    folding: Folding
    price: float

    @property
    def row(self) -> dict[str, Any]:
        """As JSON; no price where there is no such design."""
        return {"dense": self.dense, "price": None if self.price == IMPOSSIBLE else self.price}


def skipping(folding: Folding) -> list[str]:
    """The layers that skip tiles of zeros."""
    return [name for name, fold in folding.items() if fold.impl == "sparse"]


def try_dense(graph: Graph, asked: Request, found: Folding, widths: Mapping[str, tuple[int, ...]]) -> list[Tried]:
    """`found`, which was chosen as `asked`, and others, without one layer that skips zeros after the other.

    `widths`: accumulator bits, as `flows.elaborate` takes them. The cheapest is to be taken.
    """
    tried = [Tried(asked.dense, found, price(graph, found, widths))]
    for name in skipping(found):
        dense = (*cheapest(tried).dense, name)
        folding = choose(graph, replace(asked, dense=dense))
        tried.append(Tried(dense, folding, price(graph, folding, widths)))
    return tried


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
