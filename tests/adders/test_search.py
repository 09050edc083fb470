"""Adder graphs: they multiply with exactly their matrix, in values of exactly their types, registers included."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.adders.digits import plain_digits, signed_digits, ways
from flows.adders.graph import AdderGraph, Kind, Node, Term, coefficients, evaluate, value_range
from flows.adders.pipeline import latency, pipelined
from flows.adders.search import adder_graph
from flows.graph import IntType

U4, S3 = IntType(4, False), IntType(3, True)


def sparse(rows: int, columns: int, density: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(-7, 8, (rows, columns)) * (rng.random((rows, columns)) < density)


@given(st.integers(-(1 << 20), 1 << 20))
def test_signed_digits(number: int) -> None:
    digits = dict(signed_digits(number))
    assert sum(sign << shift for shift, sign in digits.items()) == number
    assert all(shift + 1 not in digits for shift in digits), "two neighbours are both non-zero"


@given(st.integers(-(1 << 20), 1 << 20))
def test_every_way_to_write_a_number_is_that_number_in_the_fewest_digits(number: int) -> None:
    assert sum(sign << shift for shift, sign in plain_digits(number)) == number
    for digits in ways(number):
        assert sum(sign << shift for shift, sign in digits) == number
        assert len(digits) == len(list(signed_digits(number)))


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_any_matrix(data: st.DataObject) -> None:
    """Every value within its type, also at the ends of the inputs' range; every path with as many registers."""
    rows, columns = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 6))
    limit = data.draw(st.sampled_from([1, 3, 7, 127]))
    entry = st.integers(-limit, limit)
    weights = np.array(
        data.draw(st.lists(st.lists(entry, min_size=columns, max_size=columns), min_size=rows, max_size=rows))
    )
    dtype = data.draw(st.sampled_from([U4, S3, IntType(1, False), IntType(8, True)]))
    graph = adder_graph(weights, dtype, min(dtype.min, 0), dtype.max, most=4)
    levels = data.draw(st.integers(1, 5))
    built = pipelined(graph, levels)
    assert np.array_equal(coefficients(built), weights)
    ends = np.concatenate([np.where(weights.T > 0, a, b) for a, b in ((dtype.max, dtype.min), (dtype.min, dtype.max))])
    random = np.random.default_rng(0).integers(dtype.min, dtype.max + 1, (20, rows))
    x = np.concatenate([ends, random])
    assert np.array_equal(evaluate(built, x), x @ weights)
    found = built.latencies()
    for node in built.nodes:
        if node.kind in (Kind.ADD, Kind.SUBTRACT):
            assert found[node.left] == found[node.right]
    assert {found[t.value] for t in built.outputs if t} <= {latency(built)}
    assert max(built.depths()) <= levels


def test_types_are_those_of_the_exact_ranges() -> None:
    for node, vector in _vectors(adder_graph(sparse(20, 6, 0.5), U4, 0, 15)):
        assert node.dtype == IntType.for_range(*value_range(vector, 0, 15))


def _vectors(graph: AdderGraph) -> list[tuple[Node, np.ndarray]]:
    every = AdderGraph(
        graph.inputs, graph.input_type, graph.nodes, tuple(Term(graph.inputs + n) for n in range(len(graph.nodes)))
    )
    return list(zip(graph.nodes, coefficients(every).T, strict=True))


def test_zeros_cost_nothing_and_repeated_sums_are_made_once() -> None:
    one = np.array([[3], [0], [5], [1]])
    assert adder_graph(one, U4, 0, 15).adders == adder_graph(np.repeat(one, 4, axis=1), U4, 0, 15).adders
    assert adder_graph(np.array([[3, 3], [5, 5], [1, 0]]), U4, 0, 15).adders == 3 + 1
    assert adder_graph(np.zeros((5, 2), np.int64), U4, 0, 15).outputs == (None, None)
    assert adder_graph(np.diag([1, 2, 4]), U4, 0, 15).adders == 0


def test_sharing_saves_adders() -> None:
    """Against one adder a signed digit, on a dense matrix, where much repeats."""
    weights = sparse(36, 16, 1.0)
    digits = sum(len(list(signed_digits(int(w)))) for w in weights.flat)
    assert adder_graph(weights, U4, 0, 15, most=1).adders < 0.75 * (digits - 16)


def test_only_negative_weights_take_one_negation() -> None:
    graph = adder_graph(np.array([[-1], [-1]]), U4, 0, 15)
    assert [n.kind for n in graph.nodes] == [Kind.ADD, Kind.NEGATE]
    assert evaluate(graph, np.array([[15, 15], [0, 3]])).tolist() == [[-30], [-3]]


def test_a_type_too_narrow_is_noticed() -> None:
    graph = adder_graph(np.array([[1], [1]]), U4, 0, 15)
    (node,) = graph.nodes
    narrow = AdderGraph(2, U4, (Node(node.kind, U4, node.left, node.right),), graph.outputs)
    with pytest.raises(ValueError, match="node 0: UINT4 does not hold"):
        evaluate(narrow, np.array([[15, 1]]))


def test_the_same_weights_give_the_same_graph() -> None:
    weights = sparse(30, 8, 0.6)
    assert adder_graph(weights, U4, 0, 15, most=4) == adder_graph(weights.copy(), U4, 0, 15, most=4)


def test_registers_need_at_least_one_level() -> None:
    with pytest.raises(ValueError, match="at least one level"):
        pipelined(adder_graph(np.array([[1], [1]]), U4, 0, 15), 0)
