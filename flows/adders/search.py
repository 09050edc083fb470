"""Finds a small adder graph of a constant matrix: many attempts that draw differently, and the cheapest of them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from random import Random

import numpy as np

from flows.adders.cost import flip_flops, luts
from flows.adders.digits import ways
from flows.adders.graph import AdderGraph, coefficients
from flows.adders.greedy import Attempt
from flows.adders.pipeline import pipelined
from flows.graph import IntArray, IntType

EFFORT = 400_000
"""Pairs of digits of one output that all attempts together may look at, to begin with: a few seconds."""
MOST, FEWEST = 40, 3
"""Attempts."""


def adder_graph(
    weights: IntArray, in_type: IntType, lo: int, hi: int, levels: int | None = None, most: int = MOST
) -> AdderGraph:
    """The graph of y = x @ weights, weights (MW, MH), for inputs of `in_type` in [lo, hi]. Deterministic.

    The fewest LUTs (`flows.adders.cost`) decide, then the fewest bits in registers; with `levels`, those of the graph
    with its registers (`flows.adders.pipeline`), which are not put in here. `most`: attempts, at most.
    """
    best, least = None, (0, 0)
    for way, noise, random in islice(_draws(weights), most):
        graph = Attempt(weights, in_type, lo, hi, way, noise, random).run()
        built = graph if levels is None else pipelined(graph, levels)
        cost = luts(built), flip_flops(built)
        if best is None or cost < least:
            best, least = graph, cost
    assert best is not None
    if not np.array_equal(coefficients(best), weights):
        raise AssertionError("the adder graph is not of these weights")
    return best


def _draws(weights: IntArray) -> Iterator[tuple[int | None, float, Random]]:
    """(way to write the digits, noise, source of draws) of every attempt: the plain ones first."""
    digits = np.array([[len(ways(int(w))[0]) for w in row] for row in weights]).reshape(weights.shape)
    pairs = int((digits.sum(axis=0) ** 2).sum()) // 2
    for number in range(min(max(EFFORT // max(pairs, 1), FEWEST), MOST)):
        if number < 2:
            yield number, 0.0, Random(number)
        else:
            yield (0, None, 1)[number % 3], (0.1, 0.3)[number % 2], Random(number)
