"""What `--optimize` understands: exact comparison, and every wrong word named."""

from __future__ import annotations

from fractions import Fraction

import pytest

from flows.errors import ConfigError
from flows.sweep.objective import parse


def test_goals_and_conditions_are_read() -> None:
    found = parse("min LUT, max accuracy where accuracy >= 0.99*float and LUT+2*FF < 9000", "accuracy")
    assert [(g.column, g.sign) for g in found.goals] == [("LUT", 1), ("quant_metric", -1)]
    assert [c.text for c in found.conditions] == ["accuracy >= 0.99*float", "LUT+2*FF < 9000"]
    assert found.values({"LUT": 10, "quant_metric": 97.5}) == (10.0, -97.5)
    assert found.values({"LUT": 10, "quant_metric": None}) is None


@pytest.mark.parametrize(
    ("text", "figures", "margin"),
    [
        ("min LUT where accuracy >= 0.99*float", {"quant_metric": 99.0, "float_metric": 100.0}, 0),
        ("min LUT where accuracy - 2*(float - 1) >= 0", {"quant_metric": 3, "float_metric": 4}, -3),
        ("min LUT where FF <= 2*LUT*3 - 1", {"FF": 5, "LUT": 2}, 6),
        ("min LUT where 100 > FF", {"FF": 99.5}, Fraction(1, 2)),
        ("min LUT where (LUT + 1) * (FF - 2) >= 0", {"LUT": 4, "FF": 5}, 15),
    ],
)
def test_margins_are_exact(text: str, figures: dict[str, float], margin: Fraction) -> None:
    condition = parse(text, "accuracy").conditions[0]
    assert condition.margin(figures) == margin
    assert condition.holds(Fraction(0)) == (">=" in text or "<=" in text)


def test_an_accuracy_of_exactly_the_bound_is_enough_and_one_step_less_is_not() -> None:
    found = parse("min LUT where accuracy >= 0.99*float", "accuracy")
    bound = {"float_metric": 100.0, "quant_metric": 99.0}
    assert found.unmet(bound) is None and found.feasible(bound) and found.violations(bound) == (0.0,)
    below = {**bound, "quant_metric": 98.99999999999999}
    assert found.unmet(below) == "accuracy >= 0.99*float: not with float_metric 100, quant_metric 99"
    assert not found.feasible(below) and found.violations(below)[0] > 0


def test_what_is_not_known_yet_breaks_nothing_but_is_not_feasible() -> None:
    found = parse("min LUT where LUT < 5000 and accuracy > 90", "accuracy")
    trained = {"quant_metric": 95.0, "LUT": None}
    assert found.unmet(trained) is None and not found.feasible(trained)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "'min' or 'max' is expected at the end"),
        ("LUT", "'min' or 'max' is expected before 'LUT'"),
        ("min LUTs", "unknown name 'LUTs'; did you mean 'LUT'"),
        ("min where", "unknown name 'where'"),
        ("min LUT where", "a name is expected at the end"),
        ("min LUT where accuracy", ">=, <=, > or < is expected at the end"),
        ("min LUT where accuracy = 9", ">=, <=, > or < is expected before '='"),
        ("min LUT where 3 > 2", "names no figure"),
        ("min LUT where psnr > 30", "measured by accuracy, not by psnr"),
        ("min LUT where (LUT > 3", "')' is expected before '>'"),
        ("min LUT where LUT > 3 or FF > 3", "'or' is not expected there"),
        ("min LUT; import os", "';' is no name, number or sign"),
        ("min __import__", "unknown name '__import__'"),
        ("min LUT where LUT > 1e3", "'e3' is not expected there"),
    ],
)
def test_every_wrong_word_is_named(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse(text, "accuracy")
    assert said in str(error.value) and "--optimize" in str(error.value)
