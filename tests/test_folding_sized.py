from dataclasses import replace

import pytest

from benchmarks._area_layers import Layer, draw
from flows.accumulators import analyse
from flows.folding import choose
from flows.folding_sized import cheapest, price, skipping, try_dense

SPARSE = draw(38)
"""A layer whose cheapest folding, FIFOs aside, skips zeros."""


def test_layers_that_skip_zeros_are_tried_without_and_the_cheapest_is_said() -> None:
    tried = try_dense(SPARSE.graph, SPARSE.request, "exact")
    assert [one.dense for one in tried] == [(), ("MVAU_0",)]
    widths = {name: w.implemented("exact") for name, w in analyse(SPARSE.graph).items()}
    for one in tried:
        folding = choose(SPARSE.graph, replace(SPARSE.request, dense=frozenset(one.dense)))
        assert skipping(folding) == ([] if one.dense else ["MVAU_0"])
        assert price(SPARSE.graph, folding, widths) == one.price
    assert cheapest(tried).price == min(one.price for one in tried)


@pytest.mark.parametrize("layer", [draw(57), draw(60)], ids=lambda layer: layer.name)
def test_nothing_is_tried_where_nothing_skips_zeros(layer: Layer) -> None:
    assert [one.dense for one in try_dense(layer.graph, layer.request, "exact")] == [()]
