"""The MVAU's RTL against `x @ W`: foldings, operand widths, sums exactly full; planted faults are caught."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path, PurePosixPath

import numpy as np
import pytest

from flows.beats import fold as to_beats
from flows.design import Bits, Fold, Lowered, Param
from flows.errors import InfeasibleFolding, UnsupportedModel, VerificationFailed
from flows.graph import MVAU, Graph, IntArray, IntType, Tensor, by_name
from flows.kernels import mvau, mvau_sparse
from flows.ranges import mvau_channel_ranges
from flows.simulate.bench import job_of, results_of
from flows.simulate.verilator import Model
from tests.kernels.harness import Unit, build, check_grid, check_refused, lint, read_slang


@dataclass(frozen=True)
class Point:
    """One parameter set; the weights and vectors follow from it and its `seed`."""

    mw: int
    mh: int
    pe: int
    simd: int
    weight_bits: int
    in_type: IntType
    ram_style: str = "auto"
    extra_bits: int = 0
    limit: int | None = None
    density: float = 1.0
    seed: int = 0
    weight_signed: bool = True


def graph_of(weights: IntArray, weight_type: IntType, in_type: IntType) -> tuple[Graph, MVAU]:
    op = MVAU("MVAU_0", ("x",), ("y",), weights, weight_type)
    lows, highs = mvau_channel_ranges(weights, in_type.min, in_type.max)
    lo, hi = int(min(lows)), int(max(highs))
    x = Tensor("x", (1, 1, op.mw), in_type, in_type.min, in_type.max)
    y = Tensor("y", (1, 1, op.mh), IntType.for_range(lo, hi, signed=True), lo, hi)
    graph = Graph("g", ("x",), ("y",), (op,), by_name([x, y]))
    graph.validate()
    return graph, op


def weights_of(point: Point) -> IntArray:
    """Random weights; the channels differ in magnitude, so that their accumulators differ in width.

    `limit`: none beyond +-limit, and none at all in channel 0, far below what the type allows. `density`: the share of
    weights that are not set to zero.
    """
    rng = np.random.default_rng(point.seed)
    dtype = IntType(point.weight_bits, point.weight_signed)
    weights = rng.integers(dtype.min, dtype.max + 1, (point.mw, point.mh))
    if point.limit is not None:
        return np.clip(weights, -point.limit, point.limit) * (np.arange(point.mh) > 0)
    return np.asarray(weights // (1 + 3 * (np.arange(point.mh) % 3)) * (rng.random(weights.shape) < point.density))


def vectors(weights: IntArray, in_type: IntType, frames: int, seed: int) -> IntArray:
    """(N, 1, 1, MW): for every channel the inputs that reach acc_max and acc_min, and `frames` random ones."""
    extremes = [np.where((weights[:, c] > 0) == up, in_type.max, in_type.min)
                for c in range(weights.shape[1]) for up in (True, False)]  # fmt: skip
    random = np.random.default_rng(seed).integers(in_type.min, in_type.max + 1, (frames, len(weights)))
    return np.concatenate([np.array(extremes), random])[:, None, None, :]


def exact_bits(weights: IntArray, in_type: IntType) -> tuple[int, ...]:
    lows, highs = mvau_channel_ranges(weights, in_type.min, in_type.max)
    return tuple(IntType.for_range(int(lo), int(hi), signed=True).bits for lo, hi in zip(lows, highs, strict=True))


def unit_of(point: Point, name: str, impl: str = "folded") -> tuple[Unit, Lowered]:
    """The point on `mvau.sv` or what `impl` names, "const" fully unrolled whatever its PE and SIMD."""
    weights = weights_of(point)
    graph, op = graph_of(weights, IntType(point.weight_bits, point.weight_signed), point.in_type)
    op = replace(op, name=name)
    acc = tuple(b + point.extra_bits for b in exact_bits(weights, point.in_type))
    fold = Fold(point.pe, point.simd, impl=impl, ram_style=point.ram_style)
    if impl == "const":
        fold = replace(fold, pe=point.mh, simd=point.mw, levels=1 + point.seed % 4)
    low = mvau.lower(graph, op, fold, point.in_type, acc)
    x = vectors(weights, point.in_type, 6, point.seed)
    y = to_beats(x @ weights, low.out_lanes)
    interval = low.work_beats if impl == "sparse" else (point.mw // fold.simd) * (point.mh // fold.pe)
    unit = Unit(
        name, low.module, low.params, to_beats(x, low.in_lanes), point.in_type.bits, y, low.out_type,
        interval=max(interval, 1), memories=low.memories,
    )  # fmt: skip
    return unit, low


def units_of(points: list[Point], impl: str = "folded") -> list[Unit]:
    return [unit_of(replace(p, seed=i), f"mvau{i}", impl)[0] for i, p in enumerate(points)]


U1, U4, U8, S1, S4, S8 = (IntType(b, s) for s in (False, True) for b in (1, 4, 8))

FAST = [
    Point(72, 16, 4, 8, 4, U4, density=0.15),
    Point(72, 16, 4, 8, 4, U4, "block", 21, density=0.02),
    Point(9, 4, 1, 1, 8, S8, "distributed"),
    Point(12, 6, 6, 12, 3, S4),
    Point(16, 8, 2, 16, 1, U1),
    Point(15, 3, 3, 5, 8, U8),
    Point(10, 5, 1, 10, 2, S1, extra_bits=2),
    Point(70, 2, 2, 35, 5, IntType(3, False)),
    Point(1, 4, 2, 1, 1, S8),
    Point(12, 4, 2, 4, 8, U8, weight_signed=False),
    Point(12, 3, 1, 3, 1, S1),
    Point(6, 2, 2, 1, 1, S1, extra_bits=2),
    Point(33, 2, 1, 33, 4, IntType(2, True)),
    Point(20, 4, 4, 10, 8, IntType(2, False), limit=1),
    Point(6, 3, 3, 6, 4, IntType(3, True), limit=1),
]
"""Full unroll, PE = 1, SIMD = 1, SF = 1, NF = 1, odd SIMD, several chains, operands of 1 to 8 bits; sums
narrower than one product."""


SHAPES = [
    (6, 4, 2, 3),
    (8, 8, 8, 8),
    (9, 3, 1, 9),
    (18, 2, 2, 2),
    (5, 5, 5, 1),
    (24, 6, 3, 12),
    (34, 1, 1, 17),
    (1, 3, 1, 1),
]
OPERANDS = [(1, U1), (1, S8), (2, IntType(2, True)), (4, U4), (8, S1), (8, U8), (3, IntType(5, True))]
SLOW = [
    Point(*shape, *operand, ram_style=("auto", "distributed", "block")[i % 3])
    for i, (shape, operand) in enumerate(product(SHAPES, OPERANDS))
]


def run(units: list[Unit], folder: Path, model: Model | None = None) -> list[IntArray]:
    """Outputs of `units`, unstalled, (frames, beats, lanes) each."""
    cases = [u.case for u in units]
    return [r.outputs[0] for r in results_of(cases, (model or build(units, folder)).run(job_of(cases), folder / "run"))]


IMPLS = ("folded", "dsp", "const", "sparse")


@pytest.mark.parametrize("impl", IMPLS)
def test_grid(tmp_path: Path, impl: str) -> None:
    units = units_of(FAST, impl)
    check_grid(units, tmp_path)
    read_slang(units, tmp_path / "slang")


@pytest.mark.slow
@pytest.mark.parametrize("impl", IMPLS)
def test_large_grid(tmp_path: Path, impl: str) -> None:
    units = units_of(SLOW, impl)
    assert len(units) >= 40
    check_grid(units, tmp_path)
    read_slang(units, tmp_path / "slang")


def test_lanes_have_widths_of_their_own() -> None:
    assert len(set(unit_of(Point(15, 3, 3, 5, 8, U8), "m")[1].lane_bits)) == 3


def test_accumulators_narrower_than_one_product() -> None:
    """The last points of the grid: a lane of a single bit, and others of fewer bits than a product of their types."""
    for point in FAST[-2:]:
        bits = unit_of(point, "m")[1].lane_bits
        assert bits[0] == 1 and min(bits[1:]) < point.weight_bits + point.in_type.bits


@pytest.mark.parametrize("impl", ["folded", "dsp"])
def test_an_accumulator_one_bit_too_narrow_is_caught(tmp_path: Path, impl: str) -> None:
    """In every lane of its own: the vectors reach acc_min and acc_max of every channel, so one of them wraps."""
    good, low = unit_of(Point(12, 6, 3, 4, 4, U4), "good", impl)
    full, full_low = unit_of(Point(7, 3, 3, 7, 3, S4), "full", impl)
    units, lanes = [], []
    for unit, bits in ((good, low.lane_bits), (full, full_low.lane_bits)):
        for lane in range(3):
            narrow = Bits.of_bytes(tuple(b - (p == lane) for p, b in enumerate(bits)))
            units.append(replace(unit, name=f"{unit.name}{lane}", params={**unit.params, "ACC_BITS": narrow}))
            lanes.append(lane)
    for unit, lane, got in zip(units, lanes, run(units, tmp_path), strict=True):
        assert set(np.argwhere(got != unit.y)[:, 2]) == {lane}, unit.name


@pytest.mark.parametrize("impl", ["folded", "dsp"])
def test_a_changed_weight_is_caught(tmp_path: Path, impl: str) -> None:
    """One bit of one word of the memory file: exactly the channel it belongs to differs."""
    unit, low = unit_of(Point(12, 6, 3, 4, 4, U4), "m", impl)
    (memory,) = low.memories
    words = memory.text.splitlines()
    word, element = 1 * 3 + 2, 2 * 4 + 1  # nf = 1, sf = 2; p = 2, s = 1
    words[word] = f"{int(words[word], 16) ^ 1 << (4 * element):012x}"
    model = build([unit], tmp_path)
    changed = replace(model, memories={PurePosixPath(memory.name): "\n".join(words) + "\n"})
    assert np.array_equal(run([unit], tmp_path / "good", model)[0], unit.y)
    wrong = np.argwhere(run([unit], tmp_path / "bad", changed)[0] != unit.y)
    assert {(beat, lane) for _, beat, lane in wrong} == {(1, 2)}


TABLES = ("NODE_KIND", "LEFT", "RIGHT_SHIFT", "NODE_BITS", "NODE_SIGNED", "OUT_VALUE", "OUT_SHIFT")
"""Of mvau_const.sv, in which one entry is changed."""


def test_a_changed_adder_graph_is_caught(tmp_path: Path) -> None:
    """The last adder's, or the last output's, entry in every table: some output differs."""
    good, low = unit_of(Point(4, 3, 1, 1, 4, U4), "good", "const")
    kinds, nodes = low.params["NODE_KIND"], int(str(low.params["NODES"]))
    assert isinstance(kinds, Bits)
    last_adder = max(n for n in range(nodes) if kinds.value >> 2 * n & 3 in (1, 2))
    units = [good]
    for table in TABLES:
        bits = low.params[table]
        assert isinstance(bits, Bits)
        # The sign of an adder matters where a reader is wider: behind the last register stands the output.
        at = {"OUT_VALUE": 2, "OUT_SHIFT": 2, "NODE_SIGNED": nodes - 1}.get(table, last_adder)
        entries = 3 if table.startswith("OUT") else nodes
        entry = bits.width // entries
        old = bits.value >> entry * at & (1 << entry) - 1
        # A sum becomes a difference or the other way round, a node loses a bit, another value is read.
        new = {"NODE_KIND": 3 - old, "NODE_BITS": old - 1}.get(table, old ^ 1)
        changed = Bits(bits.width, bits.value + (new - old << entry * at))
        units.append(replace(good, name=table.lower(), params={**good.params, table: changed}))
    outputs = run(units, tmp_path)
    assert np.array_equal(outputs[0], good.y)
    for unit, got in zip(units[1:], outputs[1:], strict=True):
        assert not np.array_equal(got, good.y), unit.name


def test_a_changed_tile_is_caught(tmp_path: Path) -> None:
    """A weight, the place of a tile, and the flag of the last one, each in the middle of the memory."""
    unit, low = unit_of(Point(12, 6, 3, 4, 4, U4, density=0.5), "m", "sparse")
    (memory,) = low.memories
    words = memory.text.splitlines()
    model = build([unit], tmp_path)
    assert np.array_equal(run([unit], tmp_path / "good", model)[0], unit.y)
    tile_bits = 3 * 4 * 4
    for name, bit in (("weight", 2), ("place", tile_bits), ("last", tile_bits + 2)):
        changed = list(words)
        changed[1] = f"{int(words[1], 16) ^ 1 << bit:0{len(words[1])}x}"
        bad = replace(model, memories={PurePosixPath(memory.name): "\n".join(changed) + "\n"})
        if name == "last":  # an output too many
            with pytest.raises(VerificationFailed, match="more beats than expected"):
                run([unit], tmp_path / name, bad)
        else:
            assert not np.array_equal(run([unit], tmp_path / name, bad)[0], unit.y), name


def test_tiles_of_zeros_are_left_out() -> None:
    """Every output keeps one, and counts of tiles that would make the module wait are filled up."""
    weights = np.zeros((12, 4), dtype=np.int64)
    weights[0, 0] = weights[11, 0] = weights[5, 2] = 3
    _, op = graph_of(weights, IntType(3, True), U4)
    words, beats, last = mvau_sparse.tiles(op, Fold(1, 2))
    assert (beats.tolist()[:5], last.tolist()) == ([0, 5, 0, 2, 0], [0, 1, 1, 1, 0, 0, 0, 1])  # SF + 2 = 8
    assert not words[5:].any()
    words, beats, last = mvau_sparse.tiles(op, Fold(2, 1))
    assert (beats.tolist(), last.tolist()) == ([0, 11, 5], [0, 1, 1])
    assert mvau_sparse.pays(op, Fold(1, 2)) and not mvau_sparse.pays(op, Fold(4, 12))
    graph, op = graph_of(weights, IntType(3, True), U4)
    low = mvau.lower(graph, op, Fold(2, 1, impl="sparse"), U4, (9,) * 4)
    assert low.work_beats == 12 and low.params["TILES"] == 3


def test_weights_as_logic_need_a_whole_vector_a_clock() -> None:
    graph, op = graph_of(np.ones((12, 6), dtype=np.int64), IntType(2, True), U4)
    with pytest.raises(InfeasibleFolding, match=r"MVAU_0: .*PE must be 6 and SIMD 12, not 3 and 12"):
        mvau.lower(graph, op, Fold(3, 12, impl="const"), U4, (9,) * 6)


def test_sums_of_constant_weights_do_not_follow_the_policy() -> None:
    """No register accumulates: 32-bit accumulators change nothing."""
    graph, op = graph_of(np.ones((12, 6), dtype=np.int64), IntType(2, True), U4)
    narrow, wide = (mvau.lower(graph, op, Fold(6, 12, impl="const"), U4, (bits,) * 6) for bits in (9, 32))
    assert narrow == wide and narrow.out_type.bits == 9


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"SIMD": 5}, "SIMD must divide MW"),
        ({"PE": 4, "ACC_BITS": Bits(32, 0x0B0B0B0B)}, "PE must divide MH"),
        ({"INPUT_BITS": 9}, "INPUT_BITS must be"),
        ({"WEIGHT_BITS": 0}, "WEIGHT_BITS must be"),
        ({"ACC_BITS": Bits(24, 0x0B000B)}, "ACC_BITS must be"),
        ({"OUT_BITS": 10, "ACC_BITS": Bits(24, 0x0A0B0A)}, "ACC_BITS must be"),
        ({"RAM_STYLE": "ultra"}, "RAM_STYLE must be"),
    ],
)
def test_illegal_parameters_are_refused(tmp_path: Path, changed: dict[str, Param], message: str) -> None:
    good, _ = unit_of(Point(12, 6, 3, 4, 4, U4), "good")
    lint([good], tmp_path / "good")
    check_refused(good, changed, f"mvau: {message}", tmp_path / "bad")


def test_weight_file_follows_the_documented_layout() -> None:
    unit, low = unit_of(Point(12, 6, 3, 4, 5, U4), "m")
    weights = weights_of(Point(12, 6, 3, 4, 5, U4))
    (memory,) = low.memories
    words = [int(line, 16) for line in memory.text.splitlines()]
    assert len(words) == 3 * 2 and memory.name == unit.params["WEIGHT_FILE"] == "m_weights.hex"
    for nf, sf, p, s in product(range(2), range(3), range(3), range(4)):
        stored = words[nf * 3 + sf] >> (5 * (p * 4 + s)) & 31
        assert stored - 32 * (stored >= 16) == weights[sf * 4 + s, nf * 3 + p]


def test_kernel_refuses_what_the_module_cannot_do() -> None:
    graph, op = graph_of(np.ones((12, 6), dtype=np.int64), IntType(2, True), U4)
    acc = (9,) * 6
    assert [(f.pe, f.simd) for f in mvau.legal(graph, op)][:3] == [(1, 1), (1, 2), (2, 1)]
    with pytest.raises(InfeasibleFolding, match="MVAU_0: PE = 4 does not divide MH = 6; legal values: 1, 2, 3, 6"):
        mvau.lower(graph, op, Fold(4, 1), U4, acc)
    with pytest.raises(InfeasibleFolding, match="MVAU_0: SIMD = 5 does not divide MW = 12"):
        mvau.lower(graph, op, Fold(1, 5), U4, acc)
    with pytest.raises(UnsupportedModel, match=r"MVAU_0 .*inputs are INT12; at most 8 bits"):
        mvau.lower(graph, op, Fold(1, 1), IntType(12, True), acc)


def test_unsigned_weights_get_a_sign_bit() -> None:
    graph, op = graph_of(np.full((2, 1), 3, dtype=np.int64), IntType(2, False), U4)
    low = mvau.lower(graph, op, Fold(1, 2), U4, (8,))
    assert low.params["WEIGHT_BITS"] == 3 and low.memories[0].text == "1b\n"
