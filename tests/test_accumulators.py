"""Accumulator widths: exact ranges, the published bounds, the certificate."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.accumulators import POLICIES, analyse, certificate, datatype_bound, l1_budget
from flows.errors import AccumulatorOverflow
from flows.graph import MVAU, Graph, IntType, Tensor, by_name


def graph_of(weights, lo, hi, dtype, trained=None):
    op = MVAU("MVAU_0", ("x",), ("y",), weights, IntType(8, True))
    tensors = [
        Tensor("x", (1, 1, weights.shape[0]), dtype, lo, hi),
        Tensor("y", (1, 1, weights.shape[1]), IntType(40, True), -(2**39), 2**39 - 1),
    ]
    return Graph("g", ("x",), ("y",), (op,), by_name(tensors), {"MVAU_0": trained})


@given(st.integers(1, 4), st.integers(-3, 3), st.integers(0, 3), st.integers(0, 2**32 - 1))
def test_exact_range_is_reached_and_never_left_in_any_order(k, lo, span, seed):
    hi = lo + span
    dtype = IntType.for_range(lo, hi)
    w = np.random.default_rng(seed).integers(-5, 6, (k, 2))
    layer = analyse(graph_of(w, lo, hi, dtype))["MVAU_0"]
    wide = range(min(lo, 0), max(hi, 0) + 1)
    for c in range(2):
        sums = [
            sum(x * int(w[i, c]) for i, x in zip(order, xs, strict=True))
            for order in itertools.permutations(range(k), min(k, 2))
            for xs in itertools.product(wide, repeat=len(order))
        ]
        totals = [int(np.dot(xs, w[:, c])) for xs in itertools.product(wide, repeat=k)]
        assert (min(totals), max(totals)) == (layer.acc_min[c], layer.acc_max[c])
        assert layer.acc_min[c] <= min(sums) and max(sums) <= layer.acc_max[c]
        assert layer.exact[c] == IntType.for_range(min(totals), max(totals), signed=True).bits


@given(st.integers(1, 5000), st.integers(1, 8), st.integers(1, 8), st.booleans())
def test_datatype_bound_holds_the_worst_case_and_is_the_published_formula(k, m, n, signed):
    bits = datatype_bound(k, IntType(m, True), IntType(n, signed))
    worst = k * 2 ** (m - 1) * 2 ** (n - signed)
    assert worst <= 2 ** (bits - 1) - 1 < 2 * worst + 1
    alpha = np.log2(k) + n + m - 1 - signed
    assert bits == pytest.approx(np.ceil(alpha + np.log2(1 + 2.0**-alpha) + 1), abs=1)


@pytest.mark.parametrize(
    "method, bits, n, signed, budget",
    [("a2q", 12, 4, False, 2047 // 16), ("a2q", 12, 4, True, 4094 // 16), ("a2q+", 12, 4, False, 4094 // 15),
     ("a2q+", 8, 8, True, 0), ("a2q", 8, 8, False, 0)],
)  # fmt: skip
def test_l1_budgets(method, bits, n, signed, budget):
    assert l1_budget(method, bits, IntType(n, signed)) == budget


def test_policies_and_the_certificate():
    w = np.array([[3, -1], [-2, 0], [1, 0]])
    graph = graph_of(w, 0, 15, IntType(4, False), trained=9)
    widths = analyse(graph)
    layer = widths["MVAU_0"]
    assert [layer.implemented(p) for p in POLICIES] == [(32, 32), (14, 14), (7, 5), (9, 9)]
    cert = certificate(graph, widths, {"MVAU_0": (7, 5)}, "exact", "a2q+")["layers"][0]
    assert cert["channels"][0] == {
        "acc_min": -30, "acc_max": 60, "l1": 6, "exact_bits": 7, "implemented_bits": 7, "slack": 0,
    }  # fmt: skip
    assert (cert["l1_budget"], cert["datatype_bits"], cert["exact_bits"]) == (34, 14, 7)


def test_a_layer_beyond_its_trained_width_is_refused():
    w = np.array([[8], [8]])
    with pytest.raises(AccumulatorOverflow, match=r"MVAU_0: output channel 0 .* needs 9 bits.*trained for 8"):
        analyse(graph_of(w, 0, 15, IntType(4, False), trained=8))
