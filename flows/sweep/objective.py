"""What a search looks for: "min LUT where accuracy >= 0.99*float", read by a small grammar of our own.

    objective  = goal {"," goal} ["where" condition {"and" condition}]
    goal       = ("min" | "max") NAME
    condition  = sum (">=" | "<=" | ">" | "<") sum
    sum        = product {("+" | "-") product}
    product    = atom {"*" atom}
    atom       = NUMBER | NAME | "(" sum ")"

Names are columns of the table with numbers in them; `accuracy` and `psnr` stand for quant_metric, `float` for
float_metric (the float network of the same seed), both on the test split; `validation` for validation_metric, which
`float_validation` belongs to: who chooses by these keeps the test split for the end. Numbers and figures are compared
exactly, as fractions.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flows.config import suggestion
from flows.errors import ConfigError
from flows.sweep.row import RESOURCES, VIVADO

OPTION = "--optimize"
EXAMPLE = 'such as "min LUT where accuracy >= 0.99*float"'
TRAINED = ("quant_metric", "float_metric", "validation_metric", "float_validation", "sparsity")
"""Columns that are known once a point is trained, before anything is built."""
COLUMNS = (*TRAINED, "interval_cycles", "latency_cycles", "fps", *RESOURCES, *VIVADO, "vivado_fmax_mhz")
NAMES = {**{column: column for column in COLUMNS}, "accuracy": "quant_metric", "psnr": "quant_metric",
         "float": "float_metric", "validation": "validation_metric"}  # fmt: skip
KEYWORDS = ("min", "max", "where", "and")
_TOKEN = re.compile(r"\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<name>[A-Za-z_][A-Za-z_0-9]*)|(?P<sign>>=|<=|[<>=+*(),-]))")

Term = tuple[Fraction, tuple[str, ...]]
"""A factor and the columns that it is multiplied by."""


@dataclass(frozen=True)
class Goal:
    """A column to make small (`sign` 1) or large (-1)."""

    column: str
    sign: int


@dataclass(frozen=True)
class Condition:
    """`terms` add up to at least zero, or to more than zero where it is `strict`. `text`: as the user wrote it."""

    text: str
    terms: tuple[Term, ...]
    strict: bool

    @property
    def columns(self) -> frozenset[str]:
        return frozenset(column for _, columns in self.terms for column in columns)

    def margin(self, figures: Mapping[str, Any]) -> Fraction | None:
        """The sum of the terms; None where a figure is missing."""
        if any(figures.get(column) is None for column in self.columns):
            return None
        total = Fraction(0)
        for factor, columns in self.terms:
            total += factor * math.prod(Fraction(figures[column]) for column in columns)
        return total

    def holds(self, margin: Fraction) -> bool:
        return margin > 0 if self.strict else margin >= 0


@dataclass(frozen=True)
class Objective:
    """What to make small or large, and the conditions that a point must meet. `text`: as the user wrote it."""

    text: str
    goals: tuple[Goal, ...]
    conditions: tuple[Condition, ...]

    def unmet(self, figures: Mapping[str, Any]) -> str | None:
        """Which condition those figures break, with its figures; None where none does that is known yet."""
        for condition in self.conditions:
            margin = condition.margin(figures)
            if margin is not None and not condition.holds(margin):
                known = ", ".join(f"{name} {float(figures[name]):.6g}" for name in sorted(condition.columns))
                return f"{condition.text}: not with {known}"
        return None

    def feasible(self, figures: Mapping[str, Any]) -> bool:
        """Whether every condition is known to hold."""
        margins = [(c, c.margin(figures)) for c in self.conditions]
        return all(margin is not None and c.holds(margin) for c, margin in margins)

    def violations(self, figures: Mapping[str, Any]) -> tuple[float, ...]:
        """How far each condition is from holding, at most 0 where it holds; what is unknown counts as holding."""
        margins = [c.margin(figures) for c in self.conditions]
        return tuple(0.0 if margin is None else float(-margin) for margin in margins)

    def values(self, figures: Mapping[str, Any]) -> tuple[float, ...] | None:
        """What is to be small; None where a figure is missing."""
        found = [figures.get(goal.column) for goal in self.goals]
        if any(value is None for value in found):
            return None
        return tuple(goal.sign * float(value) for goal, value in zip(self.goals, found, strict=True))  # type: ignore[arg-type]


def parse(text: str, metric: str) -> Objective:
    """Reads an objective; `metric` ("accuracy" or "psnr") is what the network is measured by.

    Raises ConfigError naming the word that is wrong.
    """
    return _Parser(text, metric).objective()


class _Parser:
    def __init__(self, text: str, metric: str) -> None:
        self._text, self._metric = text, metric
        self._tokens = list(self._split())
        self._at = 0

    def _split(self) -> Iterator[tuple[str, str, int]]:
        """(kind, word, position) of every word."""
        position, end = 0, len(self._text.rstrip())
        while position < end:
            match = _TOKEN.match(self._text, position)
            if match is None:
                raise self._error(f"{self._text[position:].split()[0]!r} is no name, number or sign")
            kind = str(match.lastgroup)
            yield kind, match[kind], match.start(kind)
            position = match.end()

    def objective(self) -> Objective:
        goals = [self._goal()]
        while self._take(","):
            goals.append(self._goal())
        conditions = []
        if self._take("where"):
            conditions.append(self._condition())
            while self._take("and"):
                conditions.append(self._condition())
        if self._at < len(self._tokens):
            raise self._error(f"{self._tokens[self._at][1]!r} is not expected there")
        return Objective(self._text.strip(), tuple(goals), tuple(conditions))

    def _goal(self) -> Goal:
        for word, sign in (("min", 1), ("max", -1)):
            if self._take(word):
                return Goal(self._name(), sign)
        raise self._error(f"'min' or 'max' is expected {self._where()}")

    def _condition(self) -> Condition:
        first = self._at
        left = self._sum()
        sign = next((sign for sign in (">=", "<=", ">", "<") if self._take(sign)), None)
        if sign is None:
            raise self._error(f">=, <=, > or < is expected {self._where()}")
        right = self._sum()
        if sign in ("<=", "<"):
            left, right = right, left
        begin, end = self._tokens[first][2], self._tokens[self._at - 1]
        text = self._text[begin : end[2] + len(end[1])]
        terms = (*left, *((-factor, columns) for factor, columns in right))
        if not any(columns for _, columns in terms):
            raise self._error(f"the condition {text!r} names no figure")
        return Condition(text, terms, sign in (">", "<"))

    def _sum(self) -> tuple[Term, ...]:
        terms = list(self._product())
        while True:
            if self._take("+"):
                terms += self._product()
            elif self._take("-"):
                terms += [(-factor, columns) for factor, columns in self._product()]
            else:
                return tuple(terms)

    def _product(self) -> list[Term]:
        terms = self._atom()
        while self._take("*"):
            right = self._atom()
            terms = [(a * b, (*c, *d)) for a, c in terms for b, d in right]
        return terms

    def _atom(self) -> list[Term]:
        if self._take("("):
            terms = list(self._sum())
            if not self._take(")"):
                raise self._error(f"')' is expected {self._where()}")
            return terms
        if self._at < len(self._tokens) and self._tokens[self._at][0] == "number":
            self._at += 1
            return [(Fraction(self._tokens[self._at - 1][1]), ())]
        return [(Fraction(1), (self._name(),))]

    def _name(self) -> str:
        if self._at >= len(self._tokens) or self._tokens[self._at][0] != "name":
            raise self._error(f"a name is expected {self._where()}")
        word = self._tokens[self._at][1]
        if word in KEYWORDS or word not in NAMES:
            raise self._error(f"unknown name {word!r}{suggestion(word, NAMES)}")
        if word in ("accuracy", "psnr") and word != self._metric:
            raise self._error(f"this network is measured by {self._metric}, not by {word}")
        self._at += 1
        return NAMES[word]

    def _take(self, word: str) -> bool:
        found = self._at < len(self._tokens) and self._tokens[self._at][1] == word
        self._at += found
        return found

    def _where(self) -> str:
        return f"before {self._tokens[self._at][1]!r}" if self._at < len(self._tokens) else "at the end"

    def _error(self, what: str) -> ConfigError:
        return ConfigError(f"{OPTION} {self._text!r}: {what}; write it {EXAMPLE}")
