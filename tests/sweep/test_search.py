"""The search without any training: what it proposes, that it learns, and that it proposes the same again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flows.errors import ConfigError
from flows.sweep.plan import Point, Request
from flows.sweep.search import BATCH, Search, best, objective, space

CONFIG = Path(__file__).parents[2] / "configs" / "digits_cnn.yaml"
LAYERS = ("conv2", "conv3", "dense1")
WIDTHS = (8, 9, 10, 11, 12)
WANTED = "min LUT where accuracy >= 0.99*float"


def bits_of(point: Point) -> dict[str, int]:
    assert point.training is not None
    bits = point.training.accumulator_bits
    assert bits is not None
    return bits if isinstance(bits, dict) else dict.fromkeys(LAYERS, bits)  # type: ignore[return-value]


def made_up(point: Point) -> dict[str, Any]:
    """A row as training and building might leave it: the last layer needs few bits, the others many."""
    bits = bits_of(point)
    accuracy = 100.0 - sum(0.45 * max(0, need - bits[layer]) for layer, need in zip(LAYERS, (11, 10, 8), strict=True))
    row = {"error": None, "quant_metric": accuracy, "float_metric": 100.0, "LUT": None, "verified": None}
    if accuracy >= 99.0:
        row |= {"LUT": 3000 + 17 * bits["conv2"] + 34 * bits["conv3"] + 51 * bits["dense1"], "verified": True}
    return row | {"folder": point.name, "layer_bits": None}


def run(trials: int, **more: Any) -> tuple[list[str], list[dict[str, Any]]]:
    chosen = space(Request(CONFIG, accumulator_bits=WIDTHS, **more))
    search = Search(chosen, objective(WANTED, chosen.base))
    names: list[str] = []
    rows = []
    while points := search.propose(min(BATCH, trials - len(names))):
        for point in points:
            names.append(point.name)
            rows.append(made_up(point))
        for point, row in zip(points, rows[-len(points) :], strict=True):
            search.learn(point.name, row)
    return names, rows


def test_one_p_for_all_comes_first_then_every_point_once_and_the_same_again() -> None:
    names, rows = run(30)
    assert names[: len(WIDTHS)] == [f"a2q+_P{p}_seed0" for p in WIDTHS]
    assert len(set(names)) == 30 and run(30)[0] == names
    uniform = best(rows[: len(WIDTHS)], objective(WANTED, space(Request(CONFIG, accumulator_bits=WIDTHS)).base))
    found = best(rows, objective(WANTED, space(Request(CONFIG, accumulator_bits=WIDTHS)).base))
    assert found[0]["LUT"] < uniform[0]["LUT"], "layers that differ need fewer LUTs"


def test_a_space_that_is_used_up_ends_the_search() -> None:
    chosen = space(Request(CONFIG, accumulator_bits=(10, 11)))
    assert chosen.layers == LAYERS and chosen.size == 8
    search = Search(chosen, objective(WANTED, chosen.base))
    seen = []
    while points := search.propose(3):
        for point in points:
            seen.append(tuple(bits_of(point).values()))
            search.learn(point.name, {**made_up(point), "error": "failed"} if len(seen) % 2 else made_up(point))
    assert len(seen) == len(set(seen)) == 8


def test_other_axes_are_searched_too() -> None:
    chosen = space(
        Request(CONFIG, accumulator_bits=(9, 10), weight_bits=(3, 4), skip_zeros=("no", "yes"), target_fps=(50_000,))
    )
    assert chosen.size == 2**5
    search = Search(chosen, objective(WANTED, chosen.base))
    points = search.propose(20)
    seen = {(p.training.weight_bits, p.config.skip_zeros) for p in points if p.training is not None}
    assert seen == {(3, False), (3, True), (4, False), (4, True)}
    assert {p.config.target_fps for p in points} == {50_000}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"accumulator_bits": ()}, "--accumulator-bits is missing"),
        ({"methods": ("qat",)}, "qat has none of"),
        ({"seeds": 2}, "leave out --seeds"),
        ({"stop_step": "train"}, "leave out --stop-step"),
    ],
)
def test_what_cannot_be_searched_is_refused(more: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        space(Request(CONFIG, **{"accumulator_bits": (9,), **more}))
