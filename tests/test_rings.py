import pytest

from flows.design import Fold, Folding, Param
from flows.elaborate import elaborate
from flows.fifos import size
from flows.folding_search import Lowerings
from flows.rings import ring_price, ring_sizes, with_cheapest
from tests.networks import Chain

WIDTHS = (16,) * 4
KERNELS = [(size, folds) for size in (3, 5) for folds in (1, 3, 16)]


def params(kernel: int, folds: int) -> dict[str, Param]:
    graph = Chain((10, 10, folds), 4, seed=1).window(kernel).graph("g")
    (op,) = graph.ops
    return dict(Lowerings(graph)(op, Fold(1, 1)).params)


@pytest.mark.parametrize(("kernel", "folds"), KERNELS)
def test_other_rings_are_cheaper_and_hold_a_window(kernel: int, folds: int) -> None:
    own = params(kernel, folds)
    fewer, more = ring_sizes(own)
    least = ((kernel - 1) * 10 + kernel) * folds
    assert all(least <= entries < int(own["DEPTH"]) for entries in fewer)  # type: ignore[arg-type]
    assert all(entries > int(own["DEPTH"]) for entries in more)  # type: ignore[arg-type]
    prices = [[ring_price(own, entries) for entries in some] for some in (fewer, more)]
    assert all(price < ring_price(own, None) for some in prices for price in some)
    assert all(some == sorted(some) for some in prices)


def test_a_power_of_two_is_worth_more_memory() -> None:
    cheaper = [key for key in KERNELS if with_cheapest(params(*key)) != params(*key)]
    assert cheaper, "of no ring the next power of two is cheaper: nothing is tested"
    for key in cheaper:
        grown = with_cheapest(params(*key))
        assert int(grown["DEPTH"]).bit_count() == 1  # type: ignore[arg-type]
        assert with_cheapest(grown) == grown


@pytest.mark.parametrize("folds", [1, 4])
def test_sizing_makes_no_ring_dearer_than_the_search_took_it_for(folds: int) -> None:
    graph = Chain((9, 9, 8), 4, seed=3).window(3).mvau(4).thresholds().graph("g")
    window = graph.ops[0]
    folding: Folding = {op.name: Fold(1, 8 // folds if op is window else 1) for op in graph.ops}
    sizing = size(lambda depths: elaborate(graph, folding, {"MVAU_0": WIDTHS}, depths), {})
    built = elaborate(graph, folding, {"MVAU_0": WIDTHS}, sizing.entries)
    (swg,) = (i for i in built.instances if i.module == "swg")
    assert ring_price(swg.params, None) <= Lowerings(graph).cost(window, folding[window.name]).price
