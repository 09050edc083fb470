"""What a graph's folding costs for a request, by estimate: `remove_channels` chooses the number of channels by it."""

from __future__ import annotations

from flows import folding as foldings
from flows.accumulators import analyse
from flows.channels.remove import Price
from flows.cost import total
from flows.elaborate import elaborate
from flows.errors import InfeasibleFolding, UnsupportedModel
from flows.graph import Graph

NEVER = 1 << 31


def folded_price(graph: Graph, asked: foldings.Request) -> Price:
    """(PE and SIMD that are asked for and do not fit, estimated LUTs and block RAMs of the folding that is chosen).

    Accumulators are of the policy "exact", so that all policies build the same graph; weights and thresholds are in
    memories, as logic is slow to find. Raises ConfigError where the request is wrong for any graph.
    """
    if refused := foldings.refused(graph, asked):
        return refused, 0.0
    try:
        folding = foldings.choose(graph, asked, logic=False)
        widths = {name: w.exact for name, w in analyse(graph).items()}
        return 0, total(elaborate(graph, folding, widths)).price
    except (InfeasibleFolding, UnsupportedModel):  # whoever folds what is left says it
        return NEVER, 0.0
