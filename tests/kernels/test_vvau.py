"""vvau.sv against the golden model: depthwise sums, every channel at both ends of its accumulator."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from flows.accumulators import analyse, certificate
from flows.certificate import recheck
from flows.design import Bits, Fold, Param
from flows.elaborate import elaborate
from flows.emit.rtl import emit
from flows.errors import InfeasibleFolding, UnsupportedModel, VerificationFailed
from flows.files import write_json, write_tree
from flows.graph import VVAU, Graph, IntArray, IntType
from flows.kernels import vvau
from flows.simulate.vectors import layer_inputs
from tests.kernels.harness import Unit, check_grid, check_large_grid, check_refused, layer, lint, one_op, read_slang

U1, U4, U8, S1, S4, S8 = (IntType(b, s) for s in (False, True) for b in (1, 4, 8))


@dataclass(frozen=True)
class Point:
    size: tuple[int, int]
    k: int
    channels: int
    pe: int
    weight_bits: int
    dtype: IntType
    ram_style: str = "auto"
    extra_bits: int = 0
    simd: int = 1
    weight_signed: bool = True


FAST = [
    Point((2, 2), 9, 4, 2, 4, U4),
    Point((1, 1), 9, 4, 1, 4, U4, "block", 20),
    Point((2, 1), 4, 6, 6, 8, S8, "distributed"),
    Point((1, 3), 25, 3, 3, 3, S4),
    Point((2, 2), 1, 4, 2, 5, U8),
    Point((1, 1), 1, 1, 1, 8, S8),
    Point((1, 2), 2, 5, 5, 1, U1),
    Point((3, 1), 7, 8, 4, 2, S1, "block"),
    Point((1, 1), 9, 1, 1, 8, U8, extra_bits=2),
    Point((2, 1), 5, 4, 2, 1, S1),
    Point((2, 2), 9, 4, 4, 4, U4, simd=9),
    Point((2, 2), 9, 6, 2, 8, S8, "block", simd=3),
    Point((3, 1), 4, 3, 1, 1, S1, "distributed", 1, simd=2),
    Point((1, 2), 4, 2, 1, 8, S8, weight_signed=False),
]
"""K = 1, one fold, one lane, operands of 1 to 8 bits, every memory style, accumulators wider than they must be."""
SLOW = [
    Point((2, 1), k, 6, pe, *operand, ram_style=("auto", "distributed", "block")[i % 3])
    for i, (k, pe, operand) in enumerate(
        product((1, 2, 9), (1, 3, 6), [(1, U8), (4, U4), (8, S8), (3, IntType(5, True)), (8, U1)])
    )
] + [
    Point((2, 1), k, 6, pe, *operand, ram_style=("auto", "distributed", "block")[i % 3], simd=simd)
    for i, ((k, simd), pe, operand) in enumerate(
        product(((4, 2), (9, 3), (9, 9)), (1, 2, 6), [(1, S1), (4, U4), (8, S8), (5, U1)])
    )
]


def graph_of(p: Point, seed: int = 0) -> Graph:
    rng, dtype = np.random.default_rng(seed), IntType(p.weight_bits, p.weight_signed)
    # The channels differ in magnitude, so that their accumulators differ in width.
    weights = rng.integers(dtype.min, dtype.max + 1, (p.k, p.channels)) // (1 + 3 * (np.arange(p.channels) % 3))
    op = VVAU("VVAU_0", ("x",), ("y",), weights, dtype)
    return one_op(op, ((*p.size, p.k * p.channels), p.dtype))


def widths(graph: Graph) -> tuple[int, ...]:
    return analyse(graph)["VVAU_0"].exact


def ends(graph: Graph) -> IntArray:
    (op,) = graph.ops
    return layer_inputs(graph, op, {"x": np.zeros((1, *graph["x"].shape), dtype=np.int64)}, 1)[0]


def unit(p: Point, number: int, name: str = "vvau") -> Unit:
    graph = graph_of(p, number)
    op = replace(graph.ops[0], name=f"{name}{number}")
    acc = tuple(bits + p.extra_bits for bits in widths(graph))
    return layer(
        replace(graph, ops=(op,)), Fold(p.pe, p.simd, ram_style=p.ram_style), op.name, seed=number, window=p.k,
        in_types=(p.dtype,), acc=acc, x=[ends(graph)],
    )  # fmt: skip


def units(points: list[Point]) -> list[Unit]:
    return [unit(p, number) for number, p in enumerate(points)]


def test_grid(tmp_path: Path) -> None:
    check_grid(units(FAST), tmp_path)
    read_slang(units(FAST), tmp_path / "slang")


@pytest.mark.slow
def test_large_grid(tmp_path: Path) -> None:
    check_large_grid(units(SLOW), tmp_path)


def test_an_accumulator_one_bit_too_narrow_is_caught(tmp_path: Path) -> None:
    good = unit(FAST[3], 3)
    lanes = tuple(b for b in good.params["ACC_BITS"].value.to_bytes(3, "little"))  # type: ignore[union-attr]
    assert len(set(lanes)) > 1, "lanes have widths of their own"
    for lane in range(3):
        narrow = Bits.of_bytes(tuple(b - (p == lane) for p, b in enumerate(lanes)))
        one = replace(good, name=f"narrow{lane}", params={**good.params, "ACC_BITS": narrow})
        with pytest.raises(AssertionError, match=rf"narrow{lane} .*differ"):
            check_grid([one], tmp_path / one.name)


@pytest.mark.parametrize("simd", [1, 3])
def test_the_certificate_is_rechecked_from_the_weight_file(tmp_path: Path, simd: int) -> None:
    graph = graph_of(FAST[0])
    exact = {"VVAU_0": widths(graph)}
    design = elaborate(graph, {"VVAU_0": Fold(2, simd)}, exact)
    built = {"VVAU_0": tuple(design.instance("VVAU_0").lane_bits[c % 2] for c in range(4))}
    write_tree(tmp_path / "rtl", emit(design))
    cert = certificate(graph, analyse(graph), built, "exact", "a2q+")
    write_json(tmp_path / "report" / "accumulators.json", cert)
    recheck(tmp_path)
    weights = tmp_path / "rtl" / "VVAU_0_weights.hex"
    words = weights.read_text(encoding="utf-8").splitlines()
    word, element = 9 // simd + 1 // simd, simd + 1 % simd  # f = 1, k = 1, lane 1: channel 3
    digits = len(words[word])
    words[word] = f"{int(words[word], 16) ^ (1 << 4 * element):0{digits}x}"
    weights.write_text("\n".join(words) + "\n", encoding="utf-8")
    with pytest.raises(VerificationFailed, match="VVAU_0: output channel 3"):
        recheck(tmp_path)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"K": 0}, "K must be"),
        ({"SIMD": 2}, "SIMD must divide K"),
        ({"PE": 3, "ACC_BITS": Bits(24, 0x0B0B0B)}, "PE must divide CHANNELS"),
        ({"INPUT_BITS": 9}, "INPUT_BITS must be"),
        ({"WEIGHT_BITS": 0}, "WEIGHT_BITS must be"),
        ({"ACC_BITS": Bits(16, 0x0B00)}, "ACC_BITS must be"),
        ({"OUT_BITS": 5}, "ACC_BITS must be"),
        ({"RAM_STYLE": "ultra"}, "RAM_STYLE must be"),
    ],
)
def test_illegal_parameters_are_refused(tmp_path: Path, changed: dict[str, Param], message: str) -> None:
    good = unit(FAST[0], 0)
    lint([good], tmp_path / "good")
    check_refused(good, changed, f"vvau: {message}", tmp_path / "bad")


def test_kernel_refuses_what_the_module_cannot_do() -> None:
    graph = graph_of(FAST[0])
    op, acc = graph.ops[0], widths(graph)
    assert [(f.pe, f.simd) for f in vvau.legal(graph, op)] == [
        (1, 1), (2, 1), (1, 3), (4, 1), (2, 3), (1, 9), (4, 3), (2, 9), (4, 9),
    ]  # fmt: skip
    with pytest.raises(InfeasibleFolding, match="VVAU_0: PE = 3 does not divide the channels = 4"):
        vvau.lower(graph, op, Fold(3, 1), U4, acc)
    with pytest.raises(InfeasibleFolding, match="VVAU_0: SIMD = 2 does not divide the pixels of a window = 9"):
        vvau.lower(graph, op, Fold(1, 2), U4, acc)
    with pytest.raises(UnsupportedModel, match=r"VVAU_0 \(VVAU\): inputs are INT12; at most 8 bits"):
        vvau.lower(graph, op, Fold(1, 1), IntType(12, True), acc)
