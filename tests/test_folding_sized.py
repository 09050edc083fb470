from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from benchmarks._area_layers import Layer, draw
from flows import fifos
from flows.accumulators import analyse
from flows.design import Design
from flows.errors import VerificationFailed
from flows.folding import choose
from flows.folding_sized import Tried, cheapest, price, skipping, try_dense

SPARSE = draw(38)
"""A layer whose cheapest folding, FIFOs aside, skips zeros."""


def tried_of(layer: Layer) -> list[Tried]:
    return try_dense(layer.graph, layer.request, layer.automatic, exact(layer))


def exact(layer: Layer) -> dict[str, tuple[int, ...]]:
    return {name: w.implemented("exact") for name, w in analyse(layer.graph).items()}


def test_layers_that_skip_zeros_are_tried_without_and_the_cheapest_is_said() -> None:
    tried = tried_of(SPARSE)
    assert [one.dense for one in tried] == [(), ("MVAU_0",)]
    for one in tried:
        folding = choose(SPARSE.graph, replace(SPARSE.request, dense=one.dense))
        assert folding == one.folding
        assert skipping(folding) == ([] if one.dense else ["MVAU_0"])
        assert price(SPARSE.graph, folding, exact(SPARSE)) == one.price
    assert cheapest(tried).price == min(one.price for one in tried)


@pytest.mark.parametrize("layer", [draw(57), draw(60)], ids=lambda layer: layer.name)
def test_nothing_is_tried_where_nothing_skips_zeros(layer: Layer) -> None:
    assert [one.dense for one in tried_of(layer)] == [()]


def test_a_folding_that_stalls_by_itself_is_never_taken_and_has_no_price(monkeypatch: pytest.MonkeyPatch) -> None:
    sized = fifos.size

    def size(elaborated: Callable[[Mapping[str, int]], Design], fixed: Mapping[str, int]) -> fifos.Sizing:
        if any(i.module == "mvau_sparse" for i in elaborated({}).instances):
            raise VerificationFailed("a stage stalls by itself")
        return sized(elaborated, fixed)

    monkeypatch.setattr(fifos, "size", size)
    tried = tried_of(SPARSE)
    assert cheapest(tried).dense == ("MVAU_0",)
    assert tried[0].row == {"dense": (), "price": None}
    assert tried[1].row["price"] == tried[1].price
