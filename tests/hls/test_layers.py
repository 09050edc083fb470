"""One layer as a program: streams must end empty, accumulators that are too narrow are caught, and named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np
import pytest

from flows.beats import pack, unpack
from flows.compare import require_equal
from flows.design import Files, Fold, Stream
from flows.emit.hls import emit_files
from flows.emit.hls.layer import Layer, build, of_operator
from flows.errors import InfeasibleFolding, ToolFailed, ToolMissing, UnsupportedModel, VerificationFailed
from flows.files import write_tree
from flows.graph import MVAU, VVAU, Graph, IntArray, IntType, Tensor, by_name
from flows.simulate.cosim import decode, encode
from flows.simulate.hls import compile_program, find_ap_types, run_program
from flows.simulate.toolchain import Command, find_compiler, run_all

U4 = IntType(4, False)
GOOD, NARROW = (1, 1, 1, 1, 1, 8), (1, 1, 1, 1, 1, 7)
"""Accumulators by channel: what channel 5 needs, and a bit less."""


def small(name: str = "conv", pixels: int = 3) -> tuple[Graph, MVAU, IntArray]:
    """12 x 6, exactly 8-bit accumulators in channel 5, the others zero; `pixels` pixels a frame."""
    weights = np.zeros((12, 6), dtype=np.int64)
    weights[:, 5] = [1, -1] * 4 + [1, 1, -1, -2]
    op = MVAU(name, ("x",), ("y",), weights, IntType(2, True))
    x = Tensor("x", (1, pixels, 12), U4, 0, 15)
    y = Tensor("y", (1, pixels, 6), IntType(8, True), -105, 90)
    frames = np.random.default_rng(3).integers(0, 16, (5, 1, pixels, 12))
    frames[0, 0, 0] = 15 * (weights[:, 5] < 0)
    return Graph("g", ("x",), ("y",), (op,), by_name([x, y])), op, frames


def layer(name: str, acc: tuple[int, ...], in_beats: int | None = None, out_beats: int | None = None) -> Layer:
    """`small` under another name; `in_beats`, `out_beats`: what its test bench takes for a frame."""
    graph, op, _ = small(name)
    made, _, _ = of_operator(graph, op, Fold(2, 3), U4, acc)
    (source,), (sink,) = made.inputs, made.outputs
    return replace(
        made, inputs=(replace(source, beats=in_beats or source.beats),),
        outputs=(replace(sink, beats=out_beats or sink.beats),),
    )  # fmt: skip


K, CHANNELS, PE, SIMD = 9, 4, 2, 3
"""Of a VVAU that takes several pixels of a window in a beat."""


def depthwise() -> tuple[VVAU, Layer]:
    weights = np.random.default_rng(4).integers(-4, 4, (K, CHANNELS))
    op = VVAU("depthwise", ("x",), ("y",), weights, IntType(3, True))
    x = Tensor("x", (1, 1, K * CHANNELS), U4, 0, 15)
    y = Tensor("y", (1, 1, CHANNELS), IntType(11, True), -540, 540)
    graph = Graph("g", ("x",), ("y",), (op,), by_name([x, y]))
    ins = [Stream("in", "x", U4, PE * SIMD, K * CHANNELS // (PE * SIMD))]
    outs = [Stream("out", "y", IntType(11, True), PE, CHANNELS // PE)]
    params = {"K": K, "CHANNELS": CHANNELS, "PE": PE, "SIMD": SIMD, "OUT_BITS": 11, "RAM_STYLE": "auto"}
    return op, build(graph, op, "vvau", params, (11, 10), ins, outs, None)


LAYERS = [
    depthwise()[1],
    layer("conv", GOOD), layer("narrow", NARROW), layer("hungry", GOOD, in_beats=6), layer("full", GOOD, in_beats=15),
    layer("scant", GOOD, out_beats=8), layer("odd", GOOD, in_beats=11),
]  # fmt: skip


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_program(emit_files(LAYERS), tmp_path_factory.mktemp("layers"), optimize=("-O0",))


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, built with -DCHECK_RANGE."""
    return compile_program(
        emit_files(LAYERS[1:3]), tmp_path_factory.mktemp("checked"), defines=("CHECK_RANGE",), optimize=("-O0",)
    )  # fmt: skip


def output(program: Path, name: str, folder: Path) -> IntArray:
    graph, op, x = small(name)
    _, (source,), sink = of_operator(graph, op, Fold(2, 3), U4, NARROW if name == "narrow" else GOOD)
    (beats,) = run_program(program, name, [encode(x, source)], folder, [sink.bits])
    return decode(beats, sink, graph["y"].shape)


def test_several_pixels_and_frames(program: Path, tmp_path: Path) -> None:
    _, op, x = small()
    require_equal("hls", "conv", x @ op.weights, output(program, "conv", tmp_path))


def test_several_pixels_of_a_window_in_a_beat(program: Path, tmp_path: Path) -> None:
    op, _ = depthwise()
    x = np.random.default_rng(5).integers(0, 16, (7, K, CHANNELS))
    # Of the channels f*PE + p the pixels sf*SIMD + s, as [f][sf][s][p]
    lanes = x.reshape(7, K // SIMD, SIMD, CHANNELS // PE, PE).transpose(0, 3, 1, 2, 4).reshape(-1, SIMD * PE)
    (beats,) = run_program(program, "depthwise", [pack(lanes, 4)], tmp_path, [11 * PE])
    np.testing.assert_array_equal(unpack(beats, PE, 11, True).reshape(7, CHANNELS), (x * op.weights).sum(axis=1))


SYNTHESIS = """#pragma once
#include <ap_int.h>

#define __SYNTHESIS__
#include "constants.hpp"

static_assert(std::is_same<constant<ap_int<3>>, ap_int<3>>::value, "a memory as wide as its words");
static_assert(std::is_same<constant<ap_uint<9>>, ap_uint<9>>::value, "a memory as wide as its words");
"""
"""What units begin with to be compiled as in synthesis; the open headers refuse the macro, so it comes behind them."""


def test_tables_are_as_wide_as_their_words_where_they_become_memories(tmp_path: Path) -> None:
    _, op, x = small()
    files = {**emit_files(LAYERS[1:2]), PurePosixPath("synthesis.hpp"): SYNTHESIS}
    program = compile_program(files, tmp_path / "program", optimize=("-O0", "-include", "synthesis.hpp"))
    require_equal("hls", "conv", x @ op.weights, output(program, "conv", tmp_path))


def test_elsewhere_a_table_holds_plain_integers(tmp_path: Path) -> None:
    """The smallest that hold both ends of the type: a value too many does not compile."""
    lines = ['#include "constants.hpp"']
    for bits, size in ((1, 1), (4, 1), (8, 1), (9, 2), (16, 2), (17, 4), (32, 4), (33, 8), (63, 8)):
        for name, signed in ((f"ap_int<{bits}>", True), (f"ap_uint<{bits}>", False)):
            dtype = IntType(bits, signed)
            ends = f"{dtype.min + 1} - 1, {dtype.max}{'' if signed else 'u'}"
            lines += [
                f"constexpr constant<{name}> {'s' if signed else 'u'}{bits}[] = {{{ends}}};",
                f'static_assert(sizeof(constant<{name}>) == {size}, "{name}");',
            ]
    write_tree(tmp_path, {**emit_files([]), **_text("plain.cpp", lines)})
    argv = (find_compiler()[0], "-fsyntax-only", "-std=c++14", "-Wall", "-Wextra", "-Werror", "-Wno-unused-variable",
            "-I.", "-isystem", str(find_ap_types()), "plain.cpp")  # fmt: skip
    run_all([Command(argv, tmp_path, tmp_path / "log")], timeout_s=300)


def test_an_accumulator_one_bit_too_narrow_is_caught(program: Path, tmp_path: Path) -> None:
    _, op, x = small()
    message = r"hls: narrow: .*frame 0, index \(0, 0, 5\): expected -105, got 23"
    with pytest.raises(VerificationFailed, match=message):
        require_equal("hls", "narrow", x @ op.weights, output(program, "narrow", tmp_path))


def test_a_build_that_checks_ranges_names_the_channel_and_the_partial_sum(checked: Path, tmp_path: Path) -> None:
    _, op, x = small()
    require_equal("hls", "conv", x @ op.weights, output(checked, "conv", tmp_path))
    # Frame 0, pixel 0: of three inputs a beat the sums are -15, -45, -60, and -105.
    partial = np.cumsum((x[0, 0, 0] * op.weights[:, 5]).reshape(4, 3).sum(axis=1))
    first = int(partial[(partial < -64) | (partial > 63)][0])
    message = rf"narrow: channel 5: the partial sum {first} does not fit its accumulator of 7 bits"
    with pytest.raises(ToolFailed, match=rf"status 5(.|\n)*{message}"):
        output(checked, "narrow", tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hungry", "hungry: read from the empty stream 'in0'"),
        ("scant", "scant: 45 beats came out of 'out0' instead of 40"),
        ("odd", "odd: in0.bin does not hold whole frames of 11 beats"),
    ],
)
def test_streams_must_end_empty(program: Path, tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(ToolFailed, match=message):
        output(program, name, tmp_path)


def test_input_that_is_left_is_an_error(program: Path, tmp_path: Path) -> None:
    """15 beats for each of four frames, of which the layer takes 12."""
    x = np.zeros((4 * 15, 3), dtype=np.int64)
    with pytest.raises(ToolFailed, match="full: 12 beats are left in the stream 'in0'"):
        run_program(program, "full", [pack(x, 4)], tmp_path, [16])


ILLEGAL = {
    "mvau": ("mvau<13, 6, 3, 2, 1, U4, S2, 8, lane_bits<8, 8>, multiplier::fabric>", "SIMD must divide MW"),
    "mvau_pe": ("mvau<12, 7, 3, 2, 1, U4, S2, 8, lane_bits<8, 8>, multiplier::fabric>", "PE must divide MH"),
    "lanes": ("accumulators<multiplier::dsp, 8, lane_bits<9>>()", "each must have 1 ... OUT_BITS bits"),
    "vvau": ("vvau<9, 5, 2, 1, 1, U4, S2, 8, lane_bits<8, 8>, multiplier::fabric>", "PE must divide CHANNELS"),
    "thresholding": ("thresholding<4, 4, 1, 9, 0, U4, U4, U4>", "STAGES must be 1 ... 8"),
    "swg": ("swg<8, 1, 4, 4, 5, 1, 1, 1, 1, 1, false, 99>", "is larger than the map"),
    "swg_depth": ("swg<8, 1, 4, 4, 3, 3, 1, 1, 1, 1, false, 10>", "DEPTH must hold a window"),
    "fmpadding": ("fmpadding<8, 0, 4, 4, 1, 1, 1, 1>", "fmpadding: FOLDS, H and W must be at least 1"),
    "fmpadding_pixel": ("fmpadding_pixel<8, 1, 4, 4, 0, 1>", "SH and SW must be at least 1"),
    "upsample": ("upsample<8, 2, 2, 3, 2, 1, 5>", "DEPTH must hold what comes again"),
    "depthtospace": ("depthtospace<8, 4, 1, 2, 2, 12>", "DEPTH must hold a row"),
    "channelslice": ("channelslice<8, 4, 2, 5, 1>", "START < STOP <= FOLDS must hold"),
    "pool": ("pool<1, 4, 1, false, U4, S2>", "a maximum has the type of its inputs"),
    "globalaccpool": ("globalaccpool<1, 1, 0, U4, U4>", "PE, FOLDS and PIXELS must be at least 1"),
    "add": ("add<1, 0, U4, U4, 1, 1, 5>", "add: PE and BEATS must be at least 1"),
    "concat": ("concat<1, 1, 0, U4, 1, U4, 5>", "FOLDS0 and FOLDS1 must be at least 1"),
    "labelselect": ("labelselect<10, 5, U4, 3>", "INDEX_BITS must hold CLASSES - 1"),
    "labelselect_topk": ("labelselect_topk<10, 11, U4, 4>", "K must be 2 ... CLASSES"),
    "dwc": ("dwc<8, 12, 3>", "must be a multiple of the other"),
    "duplicate": ("duplicate<8, 0>", "BEATS must be at least 1"),
}
"""An instance that must not compile, and what the compiler says."""


def test_illegal_template_parameters_do_not_compile(tmp_path: Path) -> None:
    """Every template refuses something, all in one unit."""
    files = emit_files([])
    templates = [str(p) for p in files if p.suffix == ".hpp" and f"void {p.stem}(" in str(files[p])]
    assert {t.removesuffix(".hpp") for t in templates} <= {*ILLEGAL}, "a template has no illegal instance here"
    lines = [f'#include "{name}"' for name in templates]
    lines += ["typedef ap_uint<4> U4;", "typedef ap_int<2> S2;"]
    for number, (instance, _) in enumerate(ILLEGAL.values()):
        lines.append(f"{'void* use' if '()' not in instance else 'auto use'}{number} = "
                     f"{'(void*)&' if '()' not in instance else ''}{instance};")  # fmt: skip
    write_tree(tmp_path / "src", {**files, **_text("illegal.cpp", lines)})
    argv = (
        find_compiler()[0], "-fsyntax-only", "-fmax-errors=0", "-std=c++14", "-w", "-I.", "-Igxx", "-isystem",
        str(find_ap_types()), "illegal.cpp",
    )  # fmt: skip
    with pytest.raises(ToolFailed, match="ended with status 1"):
        run_all([Command(argv, tmp_path / "src", tmp_path / "log")], timeout_s=300)
    said = (tmp_path / "log").read_text()
    missing = [message for _, message in ILLEGAL.values() if message not in said]
    assert not missing, missing


def _text(name: str, lines: Sequence[str]) -> Files:
    return {PurePosixPath(name): "\n".join(lines) + "\n"}


def test_what_has_no_template_is_refused() -> None:
    graph, op, _ = small()
    with pytest.raises(InfeasibleFolding, match="conv: PE = 4"):
        of_operator(graph, op, Fold(4, 1), U4, GOOD)
    with pytest.raises(UnsupportedModel, match=r"conv \(MVAU\): the RTL module mvau_const has no HLS twin"):
        build(graph, op, "mvau_const", {}, (), [], [], None)


def test_the_headers_of_vitis_are_taken_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XILINX_HLS", raising=False)
    assert (find_ap_types() / "ap_int.h").is_file()
    monkeypatch.setenv("XILINX_HLS", str(tmp_path))
    with pytest.raises(ToolMissing, match=r"XILINX_HLS is .*ap_int\.h is missing"):
        find_ap_types()
    (tmp_path / "include").mkdir()
    (tmp_path / "include" / "ap_int.h").touch()
    assert find_ap_types() == tmp_path / "include"
