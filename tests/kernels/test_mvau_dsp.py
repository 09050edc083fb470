"""Rows of weights in one DSP slice: taken apart exactly, in integers for all operands and in RTL."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from flows.design import Bits, Fold, Param
from flows.graph import IntArray, IntType
from flows.kernels import mvau, mvau_dsp
from flows.kernels.mvau_dsp import Plan, fits, leaf_bits, most_lanes, plan, spacing
from tests.kernels.harness import Unit, check_grid, check_refused, read_slang
from tests.kernels.test_mvau import Point, graph_of, unit_of

U2, U4, U8, S4, S8 = IntType(2, False), IntType(4, False), IntType(8, False), IntType(4, True), IntType(8, True)


def wrapped(values: IntArray, bits: int) -> IntArray:
    """Two's complement of `bits` bits."""
    return (values + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)


def taken_apart(w: IntArray, x: IntArray, packed: Plan, weight_bits: int, narrow: bool, in_type: IntType) -> IntArray:
    """(cases, lanes): the sums as mvau_dsp_chain.sv makes them of `w` (cases, lanes, chain) and `x` (cases, chain)."""
    s, lanes = spacing(packed.per_dsp, weight_bits, narrow), w.shape[1]
    places = 1 << s * np.arange(lanes)[:, None]
    signs, low = w < 0, w % (1 << weight_bits - 1)
    d, a = (low * places).sum(axis=1), (signs * places << weight_bits - 1).sum(axis=1)
    p = wrapped((wrapped(d - a, 25) * x).sum(axis=1), 48)
    bits = leaf_bits(packed.chain, weight_bits, narrow, in_type)
    leaf = np.stack([p >> s * i for i in range(lanes)], axis=1) % (1 << bits)
    if lanes > 1 and bits > s:
        odd = (w[:, 1:] & x[:, None, :] & 1).sum(axis=2) & 1
        above = (np.stack([p >> s * (i + 1) for i in range(lanes - 1)], axis=1) & 1) ^ odd
        leaf[:, :-1] = leaf[:, :-1] % (1 << s) + (above << s)
    carry = np.concatenate([np.zeros((len(w), 1), dtype=np.int64), leaf[:, :-1] >> bits - 1], axis=1)
    return np.asarray(wrapped(leaf, bits) + carry)


def range_of(weight_bits: int, narrow: bool) -> range:
    return range(-(1 << weight_bits - 1) + narrow, 1 << weight_bits - 1)


@pytest.mark.parametrize(
    ("packed", "weight_bits", "narrow", "in_type"),
    [
        (Plan(8, 8, 1), 2, True, IntType(1, False)), (Plan(4, 4, 1), 3, False, U2), (Plan(5, 5, 1), 2, False, U2),
        (Plan(3, 3, 2), 2, False, IntType(2, True)), (Plan(2, 2, 3), 2, False, U2), (Plan(2, 2, 1), 4, False, U4),
        (Plan(2, 2, 1), 5, True, S4), (Plan(3, 3, 1), 3, True, S4),
    ],
)  # fmt: skip
def test_all_operands_of_a_cascade(packed: Plan, weight_bits: int, narrow: bool, in_type: IntType) -> None:
    assert fits(packed, weight_bits, narrow, in_type)
    weights = range_of(weight_bits, narrow)
    count = packed.per_dsp * packed.chain
    w = np.array(list(product(weights, repeat=count)), dtype=np.int64).reshape(-1, packed.per_dsp, packed.chain)
    for inputs in product(range(in_type.min, in_type.max + 1), repeat=packed.chain):
        x = np.broadcast_to(np.array(inputs), (len(w), packed.chain))
        found = taken_apart(w, x, packed, weight_bits, narrow, in_type)
        assert np.array_equal(found, (w * x[:, None, :]).sum(axis=2)), (packed, inputs)


def extremes(packed: Plan, weight_bits: int, narrow: bool, in_type: IntType) -> tuple[IntArray, IntArray]:
    """Every lane at its least or at its largest sum, or at one beside it, with the inputs at either end."""
    ends = range_of(weight_bits, narrow)
    values = sorted({ends[0], ends[-1], 0, -1, ends[0] + (len(ends) > 1)})
    rows = np.array(list(product(values, repeat=min(packed.per_dsp, 4))), dtype=np.int64)
    rows = np.tile(rows, (1, -(-packed.per_dsp // rows.shape[1])))[:, : packed.per_dsp]
    w = np.repeat(rows[:, :, None], packed.chain, axis=2)
    beside = w.copy()
    beside[:, :, 0] = 0
    xs = [np.full((len(w), packed.chain), v) for v in (in_type.min, in_type.max)]
    rng = np.random.default_rng(1)
    random = rng.integers(ends[0], ends[-1] + 1, w.shape)
    return (
        np.concatenate([w, w, beside, beside, random]),
        np.concatenate([*xs, *xs, rng.integers(in_type.min, in_type.max + 1, xs[0].shape)]),
    )


TYPES = [IntType(bits, signed) for bits in range(1, 9) for signed in (False, True)]


@pytest.mark.parametrize("weight_bits", range(1, 10))
def test_what_fits_is_exact_and_one_product_more_is_not(weight_bits: int) -> None:
    """For every number of lanes the longest cascade that `fits`, and a longer one, of which some sum is then wrong."""
    beyond = 0
    for narrow, in_type in product((False, True), TYPES):
        if narrow and weight_bits == 1:
            continue  # no weight but 0
        for per_dsp in range(2, most_lanes(weight_bits, in_type.bits, narrow) + 1):
            legal = [c for c in range(1, 9) if fits(Plan(per_dsp, per_dsp, c), weight_bits, narrow, in_type)]
            chains = [*legal[-1:], *(c + 1 for c in legal[-1:] if c < 8)]
            for chain in chains:
                packed = Plan(per_dsp, per_dsp, chain)
                w, x = extremes(packed, weight_bits, narrow, in_type)
                found = taken_apart(w, x, packed, weight_bits, narrow, in_type)
                exact = np.array_equal(found, (w * x[:, None, :]).sum(axis=2))
                assert exact == (chain in legal), (packed, weight_bits, narrow, in_type)
                beyond += chain not in legal
    assert beyond


@pytest.mark.parametrize("pe", [1, 2, 3, 4, 5, 8, 16])
def test_no_more_slices_than_finns_and_all_that_fits(pe: int) -> None:
    for weight_bits, in_type, narrow in product((2, 4, 8, 9), (U2, U4, U8, S4, S8), (False, True)):
        packed = plan(pe, 16, weight_bits, narrow, in_type)
        assert fits(packed, weight_bits, narrow, in_type) and 1 <= packed.dsp_pe <= pe
        assert packed.slices(16) <= 16 * -(-pe // most_lanes(weight_bits, in_type.bits, narrow))
    assert (most_lanes(4, 4, True), most_lanes(4, 4, False), most_lanes(8, 8, True), most_lanes(2, 2, True)) == (
        4, 3, 2, 8,
    )  # fmt: skip


POINTS = [
    Point(24, 8, 8, 24, 2, U2, limit=1),
    Point(24, 8, 4, 12, 2, U2),
    Point(36, 5, 5, 18, 4, U4, limit=7),
    Point(32, 8, 4, 8, 4, U4, "block"),
    Point(18, 4, 4, 9, 8, U8, limit=127),
    Point(10, 6, 3, 5, 8, S8),
    Point(9, 4, 4, 9, 4, S4, limit=7),
    Point(12, 5, 5, 6, 8, U4, weight_signed=False),
    Point(8, 7, 7, 8, 3, S4, extra_bits=4),
    Point(13, 3, 3, 13, 1, IntType(1, True)),
]
FORCED = {0: {"DSP_PE": 5, "PER_DSP": 5, "CHAIN": 4}, 4: {"CHAIN": 1}, 1: {"CHAIN": 7}}
"""Other packings than the plan's of some points: a rest of a cascade in a deep one, lanes in LUTs, no cascade."""


def units() -> list[Unit]:
    found = [unit_of(replace(point, seed=i), f"dsp{i}", "dsp")[0] for i, point in enumerate(POINTS)]
    found += [
        replace(found[i], name=f"forced{i}", params={**found[i].params, **changed}) for i, changed in FORCED.items()
    ]
    return found


def test_grid(tmp_path: Path) -> None:
    """Lanes in slices and in LUTs, parities, cascades of both lengths and the rest of one, weights narrow or not."""
    made = units()
    plans = [{key: int(str(u.params[key])) for key in ("PE", "DSP_PE", "PER_DSP", "CHAIN", "NARROW")} for u in made]
    assert {p["NARROW"] for p in plans} == {0, 1} and {p["DSP_PE"] < p["PE"] for p in plans} == {True, False}
    assert {p["CHAIN"] > 4 for p in plans} == {True, False} and {p["DSP_PE"] % p["PER_DSP"] > 0 for p in plans} == {
        True, False,
    }  # fmt: skip
    check_grid(made, tmp_path)
    read_slang(made, tmp_path / "slang")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"DSP_PE": 0}, "DSP_PE must be"),
        ({"PER_DSP": 4}, "PER_DSP must be"),
        ({"CHAIN": 5}, "PER_DSP must be"),
        ({"PE": 6, "DSP_PE": 6, "PER_DSP": 6, "ACC_BITS": Bits.of_bytes((12,) * 6)}, "the products of PER_DSP lanes"),
        ({"RAM_STYLE": "ultra"}, "RAM_STYLE must be"),
    ],
)
def test_illegal_parameters_are_refused(tmp_path: Path, changed: dict[str, Param], message: str) -> None:
    unit, _ = unit_of(Point(12, 6, 3, 4, 4, U4), "good", "dsp")
    check_refused(unit, changed, f"mvau_dsp: {message}", tmp_path)


def test_weights_that_are_not_narrow_are_said_to_be() -> None:
    """-8 needs another bit beside its neighbours, and FINN's MVAU then has a lane less."""
    for least, narrow, slices in ((-7, 1, 4), (-8, 0, 8)):
        weights = np.full((8, 4), 3, dtype=np.int64)
        weights[5, 2] = least
        graph, op = graph_of(weights, IntType(4, True), U4)
        low = mvau.lower(graph, op, Fold(4, 4, impl="dsp"), U4, (12,) * 4)
        assert low.params["NARROW"] == narrow
        packed = Plan(*(int(str(low.params[key])) for key in ("DSP_PE", "PER_DSP", "CHAIN")))
        assert packed.slices(4) == slices
    assert mvau_dsp.LONGEST == 8
