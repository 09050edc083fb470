"""The benchmarks of the area model: their layers, and on a few of them what they measure."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import area_model, choices
from benchmarks._area_layers import choices as choices_of
from benchmarks._area_layers import draw
from flows.cost import total
from flows.folding_search import Lowerings
from flows.graph import MVAU
from flows.ranges import mvau_channel_ranges


@pytest.mark.parametrize("number", range(0, choices.LAYERS, 3))
def test_weights_keep_a2qplus_bound_and_every_choice_meets_the_rate(number: int) -> None:
    layer = draw(number)
    (op,) = layer.graph.of_type(MVAU)
    x = layer.graph[op.inputs[0]]
    lows, highs = mvau_channel_ranges(op.weights, x.lo, x.hi)
    most = (1 << (layer.accumulator_bits - 1)) - 1
    assert -most <= lows.min() and highs.max() <= most
    low = Lowerings(layer.graph)
    for folding in (layer.automatic, *choices_of(layer)):
        assert all(low.cycles(op, folding[op.name]) <= layer.target for op in layer.graph.ops)


def test_the_layers_differ_and_have_choices() -> None:
    layers = [draw(number) for number in range(choices.LAYERS)]
    assert len({(layer.target, layer.zeros, layer.accumulator_bits) for layer in layers}) == choices.LAYERS
    impls = {fold.impl for layer in layers for fold in layer.automatic.values()}
    assert impls >= {"auto", "const", "sparse"}
    counts = [len(list(choices_of(layer))) for layer in layers]
    assert sum(counts) > 5 * choices.LAYERS and max(counts) > 20


def test_the_automatic_choice_is_estimated_at_no_more_than_any_other() -> None:
    """To within what the search does not know: the accumulators' exact widths."""
    for number in (1, 3, 8, 11, 16):
        layer = draw(number)
        automatic, *others = (total(layer.design(f)).price for f in (layer.automatic, *choices_of(layer)))
        assert automatic <= 1.03 * min(others)


def test_the_verdicts_are_of_the_bounds() -> None:
    rows = [{"error": e, "lut": 100, "estimate": 100 * (1 + e), "bram": 1, "estimated_bram": 1} for e in (-0.3, 0, 0.1)]
    found = area_model.summary(rows)
    assert (found["median"], found["largest"], found["bram_right"]) == (0.1, 0.3, 1.0)
    assert found["p90"] == pytest.approx(0.26)


@pytest.mark.slow
def test_the_automatic_choice_is_the_best_of_two_small_layers(tmp_path: Path) -> None:
    rows = choices.measure([draw(9), draw(21)], tmp_path)
    assert all(row["excess"] <= choices.MOST_EXCESS and row["choices"] >= 1 for row in rows)
