"""thresholding.sv and thresholding_const.sv against `out_bias + sum(x >= T)`: T - 1 and T around every threshold."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path, PurePosixPath

import numpy as np
import pytest

from flows.beats import fold as to_beats
from flows.design import Bits, Fold, Lowered, Param
from flows.errors import InfeasibleFolding, UnsupportedModel
from flows.golden import threshold
from flows.graph import Graph, IntArray, IntType, Tensor, Thresholding, by_name
from flows.kernels import thresholding
from flows.simulate.bench import job_of, results_of
from tests.kernels.harness import Unit, build, check_grid, check_refused, lint, read_slang


@dataclass(frozen=True)
class Point:
    """One parameter set; the thresholds follow from it and its `seed`."""

    channels: int
    pe: int
    in_type: IntType
    count: int
    out_bias: int = 0
    ram_style: str = "auto"
    spread: int | None = None
    seed: int = 0


def graph_of(thresholds: IntArray, in_type: IntType, out_bias: int, name: str = "Thresholding_0") -> Graph:
    channels, count = thresholds.shape
    out_type = IntType.for_range(out_bias, out_bias + count)
    x = Tensor("x", (1, 1, channels), in_type, in_type.min, in_type.max)
    y = Tensor("y", (1, 1, channels), out_type, out_bias, out_bias + count)
    graph = Graph("g", ("x",), ("y",), (Thresholding(name, ("x",), ("y",), thresholds, out_bias),), by_name([x, y]))
    graph.validate()
    return graph


def thresholds_of(point: Point) -> IntArray:
    """Ascending, with repetitions; some at and beyond the ends of the input's range. `spread`: all within +-spread."""
    rng = np.random.default_rng(point.seed)
    reach = point.spread or point.in_type.max + 2
    low = -reach if point.in_type.signed else -1
    values = rng.integers(low, reach + 1, (point.channels, point.count))
    return np.sort(values, axis=1)


def vectors(thresholds: IntArray, in_type: IntType) -> IntArray:
    """(2 * count + 2, 1, 1, C): T - 1 and T of every threshold of every channel, and the ends of the range."""
    around = np.concatenate([thresholds - 1, thresholds], axis=1).T
    ends = np.array([[in_type.min] * len(thresholds), [in_type.max] * len(thresholds)])
    return np.clip(np.concatenate([around, ends]), in_type.min, in_type.max)[:, None, None, :]


def unit_of(point: Point, name: str, impl: str = "folded") -> tuple[Unit, Lowered]:
    """The point on `thresholding.sv`, or with `impl` "const", all channels in a beat, on `thresholding_const.sv`."""
    if impl == "const":
        point = replace(point, pe=point.channels, count=min(point.count, 31))
    thresholds = thresholds_of(point)
    graph = graph_of(thresholds, point.in_type, point.out_bias, name)
    (op,) = graph.of_type(Thresholding)
    low = thresholding.lower(graph, op, Fold(point.pe, 1, impl=impl, ram_style=point.ram_style), point.in_type, None)
    x = vectors(thresholds, point.in_type)
    y = to_beats(threshold(op, x), low.out_lanes)
    unit = Unit(
        name, low.module, low.params, to_beats(x, low.in_lanes), point.in_type.bits, y, low.out_type,
        interval=point.channels // point.pe, memories=low.memories,
    )  # fmt: skip
    return unit, low


def units_of(points: list[Point], impl: str = "folded") -> list[Unit]:
    """Of the points whose tables are not too wide for a parameter."""
    units = []
    for i, p in enumerate(points):
        with suppress(InfeasibleFolding) if impl == "const" else nullcontext():
            units.append(unit_of(replace(p, seed=i), f"thr{i}", impl)[0])
    return units


def s(bits: int) -> IntType:
    return IntType(bits, True)


def u(bits: int) -> IntType:
    return IntType(bits, False)


FAST = [
    Point(16, 4, s(11), 15),
    Point(16, 4, s(32), 15, spread=900),
    Point(6, 1, s(9), 7, out_bias=-4),
    Point(5, 5, u(8), 3),
    Point(2, 1, s(14), 255, ram_style="block"),
    Point(3, 3, s(12), 255, out_bias=-128, ram_style="distributed"),
    Point(1, 1, s(1), 1),
    Point(3, 1, u(1), 2),
    Point(4, 2, s(20), 100, spread=60),
    Point(6, 3, u(16), 5, spread=12),
    Point(40, 2, s(10), 14, out_bias=-7),
    Point(2, 2, s(8), 1, out_bias=3),
]
"""1 to 255 thresholds, signed and unsigned values and results, lone channels and lanes, values far beyond T."""

SLOW = [
    Point(*shape, dtype, count, bias, style, spread)
    for (shape, style), (dtype, spread), (count, bias) in product(
        [((6, 2), "auto"), ((9, 9), "block"), ((70, 1), "distributed"), ((1, 1), "auto")],
        [(s(6), None), (u(8), None), (s(24), 100), (u(12), 5)],
        [(1, 0), (6, -3), (15, -8), (63, 0)],
    )
]


IMPLS = ("folded", "const")


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


def test_a_threshold_off_by_one_is_caught(tmp_path: Path) -> None:
    """Each stored threshold in turn, one higher or lower: exactly its channel differs."""
    unit, low = unit_of(Point(4, 2, s(9), 3, spread=50), "m")
    model = build([unit], tmp_path)
    for number, (memory, delta) in enumerate(product(low.memories, (-1, 1))):
        stage, lane = (int(part) for part in memory.name.removesuffix(".hex").split("_")[-2:])
        bits = int(low.params["THRESH_BITS"])  # type: ignore[arg-type]
        words = [int(line, 16) for line in memory.text.splitlines()]
        word = number % len(words)
        words[word] = (words[word] + delta) % (1 << bits)
        text = "".join(f"{w:x}\n" for w in words)
        changed = replace(model, memories={**model.memories, PurePosixPath(memory.name): text})
        case = unit.case
        (got,) = results_of([case], changed.run(job_of([case]), tmp_path / str(number)))[0].outputs
        wrong = {(int(beat), int(p)) for _, beat, p in np.argwhere(got != unit.y)}
        assert wrong == {(word >> stage, lane)}, (memory.name, word, delta)


def test_a_constant_threshold_off_by_one_is_caught(tmp_path: Path) -> None:
    """Each threshold in turn, one higher: exactly its channel differs."""
    point = Point(3, 3, s(9), 3, spread=50)
    good, _ = unit_of(point, "good", "const")
    thresholds = thresholds_of(point)
    units = [good]
    for c, i in product(range(3), range(3)):
        changed = thresholds.copy()
        changed[c, i:] = np.maximum(changed[c, i:], changed[c, i] + 1)
        graph = graph_of(changed, point.in_type, 0)
        low = thresholding.lower(graph, graph.ops[0], Fold(3, 1, impl="const"), point.in_type, None)
        units.append(replace(good, name=f"bad{c}{i}", params=low.params))
    cases = [u.case for u in units]
    results = results_of(cases, build(units, tmp_path).run(job_of(cases), tmp_path / "run"))
    assert np.array_equal(results[0].outputs[0], good.y)
    for unit, result in zip(units[1:], results[1:], strict=True):
        assert set(np.argwhere(result.outputs[0] != good.y)[:, 2]) == {int(unit.name[3])}, unit.name


def test_a_changed_lut_is_caught(tmp_path: Path) -> None:
    """The last LUT of every lane inverted: its lane differs."""
    good, low = unit_of(Point(2, 2, s(9), 7, spread=50), "good", "const")
    tables, luts = low.params["TABLES"], int(str(low.params["LUTS"]))
    assert isinstance(tables, Bits)
    masks = [((1 << 64) - 1) << 64 * (lane * luts + luts - 1) for lane in range(2)]
    units = [
        replace(good, name=f"bad{lane}", params={**good.params, "TABLES": Bits(tables.width, tables.value ^ mask)})
        for lane, mask in enumerate(masks)
    ]
    cases = [u.case for u in units]
    for lane, result in enumerate(results_of(cases, build(units, tmp_path).run(job_of(cases), tmp_path / "run"))):
        assert set(np.argwhere(result.outputs[0] != good.y)[:, 2]) == {lane}


def test_thresholds_as_logic_take_all_channels_and_few_thresholds() -> None:
    graph = graph_of(np.zeros((6, 3), dtype=np.int64), s(4), 0)
    with pytest.raises(InfeasibleFolding, match=r"Thresholding_0: .*PE must be all 6 channels, not 3"):
        thresholding.lower(graph, graph.ops[0], Fold(3, 1, impl="const"), s(4), None)
    many = graph_of(np.zeros((6, 32), dtype=np.int64), s(4), 0)
    with pytest.raises(InfeasibleFolding, match=r"Thresholding_0: .*at most 31 thresholds a channel, not 32"):
        thresholding.lower(many, many.ops[0], Fold(6, 1, impl="const"), s(4), None)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"PE": 3}, "PE must divide"),
        ({"INPUT_BITS": 0}, "INPUT_BITS must be"),
        ({"THRESHOLDS": 256, "OUT_BITS": 9}, "THRESHOLDS must be"),
        ({"THRESH_BITS": 0}, "THRESH_BITS must be"),
        ({"OUT_BITS": 2}, "OUT_BITS must hold"),
        ({"OUT_BIAS": -8}, "OUT_BITS must hold"),
        ({"OUT_BIAS": 2}, "OUT_BITS must hold"),
        ({"RAM_STYLE": "ultra"}, "RAM_STYLE must be"),
    ],
)
def test_illegal_parameters_are_refused(tmp_path: Path, changed: dict[str, Param], message: str) -> None:
    good, _ = unit_of(Point(4, 2, s(9), 6), "good")
    lint([good], tmp_path / "good")
    check_refused(good, changed, f"thresholding: {message}", tmp_path / "bad")


def test_thresholds_are_stored_in_the_bits_they_need() -> None:
    """T - 1 of the clipped T: what lies outside the range of the input is always or never reached, however far."""
    graph = graph_of(np.array([[-1000, 0, 7], [-5, 8, 4000]]), s(4), 0)
    (op,) = graph.of_type(Thresholding)
    assert thresholding.stored_thresholds(graph, op).tolist() == [[-9, -1, 6], [-6, 7, 7]]
    low = thresholding.lower(graph, op, Fold(1, 1), s(4), None)
    assert (low.params["THRESH_BITS"], low.params["THRESH_SIGNED"]) == (5, 1)
    assert [m.name for m in low.memories] == ["Thresholding_0_thresholds_0_0.hex", "Thresholding_0_thresholds_1_0.hex"]
    assert [m.text.split() for m in low.memories] == [["1f", "07"], ["17", "06", "1a", "07"]]
    inside = graph_of(np.array([[1, 3, 9]]), s(16), 0)
    low = thresholding.lower(inside, inside.of_type(Thresholding)[0], Fold(1, 1), s(16), None)
    assert (low.params["THRESH_BITS"], low.params["THRESH_SIGNED"]) == (4, 0)


def test_missing_thresholds_are_never_reached() -> None:
    graph = graph_of(np.array([[-2, 3, 5, 6]]), s(4), 0)
    (op,) = graph.of_type(Thresholding)
    assert thresholding.stored_thresholds(graph, op).tolist() == [[-3, 2, 4, 5, 7, 7, 7]]


def test_kernel_refuses_what_the_module_cannot_do() -> None:
    graph = graph_of(np.zeros((6, 3), dtype=np.int64), s(4), 0)
    (op,) = graph.of_type(Thresholding)
    assert [f.pe for f in thresholding.legal(graph, op)] == [1, 2, 3, 6]
    with pytest.raises(InfeasibleFolding, match=r"Thresholding_0: PE = 4 .*legal values: 1, 2, 3, 6"):
        thresholding.lower(graph, op, Fold(4, 1), s(4), None)
    many = graph_of(np.zeros((6, 256), dtype=np.int64), s(4), 0)
    with pytest.raises(UnsupportedModel, match=r"Thresholding_0 .*256 thresholds; supported are 1 to 255"):
        thresholding.lower(many, many.of_type(Thresholding)[0], Fold(1, 1), s(4), None)
