"""mvau.hpp and thresholding.hpp, compiled with g++, against numpy: the parameter sets and vectors of the RTL tests."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from flows.compare import require_equal
from flows.design import Fold
from flows.emit.hls import HLS, emit_layer
from flows.errors import InfeasibleFolding, ToolFailed, UnsupportedModel, VerificationFailed
from flows.files import write_tree
from flows.golden import threshold
from flows.graph import MVAU, Graph, IntArray, IntType, LabelSelect, Tensor, Thresholding, by_name
from flows.simulate.hls import WARNINGS, compile_layer, find_ap_types, run_layer, verify_layer
from flows.simulate.toolchain import find_compiler
from tests.kernels import test_mvau as rtl_mvau
from tests.kernels import test_thresholding as rtl_thresholding

U4 = IntType(4, False)


def check_mvau(point: rtl_mvau.Point, folder: Path) -> None:
    weights = rtl_mvau.weights_of(point)
    graph, op = rtl_mvau.graph_of(weights, IntType(point.weight_bits, True), point.in_type)
    acc = tuple(b + point.extra_bits for b in rtl_mvau.exact_bits(weights, point.in_type))
    x = rtl_mvau.vectors(weights, point.in_type, 6, point.seed)
    got = run_layer(graph, op, Fold(point.pe, point.simd), point.in_type, acc, x, folder)
    require_equal("hls", str(point), x @ weights, got)


def check_thresholding(point: rtl_thresholding.Point, folder: Path) -> None:
    thresholds = rtl_thresholding.thresholds_of(point)
    graph = rtl_thresholding.graph_of(thresholds, point.in_type, point.out_bias)
    (op,) = graph.of_type(Thresholding)
    x = rtl_thresholding.vectors(thresholds, point.in_type)
    got = run_layer(graph, op, Fold(point.pe, 1), point.in_type, None, x, folder)
    require_equal("hls", str(point), threshold(op, x), got)


@pytest.mark.parametrize("number", range(8))
def test_mvau(number: int, tmp_path: Path) -> None:
    check_mvau(replace(rtl_mvau.FAST[number], seed=number), tmp_path)


@pytest.mark.parametrize("number", range(8))
def test_thresholding(number: int, tmp_path: Path) -> None:
    check_thresholding(replace(rtl_thresholding.FAST[number], seed=number), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(0, len(rtl_mvau.SLOW), 3))
def test_more_mvau(number: int, tmp_path: Path) -> None:
    check_mvau(replace(rtl_mvau.SLOW[number], seed=number), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(0, len(rtl_thresholding.SLOW), 3))
def test_more_thresholding(number: int, tmp_path: Path) -> None:
    check_thresholding(replace(rtl_thresholding.SLOW[number], seed=number), tmp_path)


def small(pixels: int = 1) -> tuple[Graph, MVAU, IntArray]:
    """12 x 6, exactly 8-bit accumulators in channel 5; `pixels` pixels a frame."""
    weights = np.zeros((12, 6), dtype=np.int64)
    weights[:, 5] = [1, -1] * 4 + [1, 1, -1, -2]
    op = MVAU("conv", ("x",), ("y",), weights, IntType(2, True))
    x = Tensor("x", (1, pixels, 12), U4, 0, 15)
    y = Tensor("y", (1, pixels, 6), IntType(8, True), -105, 90)
    frames = np.random.default_rng(3).integers(0, 16, (5, 1, pixels, 12))
    frames[0, 0, 0] = 15 * (weights[:, 5] < 0)
    return Graph("g", ("x",), ("y",), (op,), by_name([x, y])), op, frames


def test_several_pixels_and_frames(tmp_path: Path) -> None:
    graph, op, x = small(pixels=3)
    verify_layer(graph, op, Fold(2, 4), U4, (8,) * 6, x, tmp_path)


def test_an_accumulator_one_bit_too_narrow_is_caught(tmp_path: Path) -> None:
    graph, op, x = small()
    verify_layer(graph, op, Fold(2, 3), U4, (1, 1, 1, 1, 1, 8), x, tmp_path / "good")
    with pytest.raises(
        VerificationFailed, match=r"hls_layers: conv: .*frame 0, index \(0, 0, 5\): expected -105, got 23"
    ):
        verify_layer(graph, op, Fold(2, 3), U4, (1, 1, 1, 1, 1, 7), x, tmp_path / "bad")


def test_warnings_as_asked(tmp_path: Path) -> None:
    """Both templates and their test benches, under the strict flags and nothing else."""
    graph, op, _ = small()
    files, _ = emit_layer(graph, op, Fold(2, 3), U4, (8,) * 6)
    thresholds = rtl_thresholding.graph_of(np.array([[-1, 4, 9]]), IntType(8, True), -2, "act")
    more, _ = emit_layer(thresholds, thresholds.of_type(Thresholding)[0], Fold(1, 1), IntType(8, True), None)
    write_tree(tmp_path / "src", {**files, **more})
    include = ["-I.", f"-I{HLS / 'gxx'}", "-isystem", str(find_ap_types())]
    argv = [find_compiler()[0], "-fsyntax-only", "-std=c++14", *WARNINGS, *include, "conv_tb.cpp", "act_tb.cpp"]
    done = subprocess.run(argv, cwd=tmp_path / "src", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("run_testbench(conv, 4, 3", "run_testbench(conv, 2, 3", "read from the empty stream 'in'"),
        ("run_testbench(conv, 4, 3", "run_testbench(conv, 10, 3", "12 beats are left in the input stream"),
        ("run_testbench(conv, 4, 3", "run_testbench(conv, 4, 2", "15 beats came out instead of 10"),
        ("run_testbench(conv, 4, 3", "run_testbench(conv, 3, 3", "does not hold whole frames of 3 beats"),
    ],
)
def test_streams_must_end_empty(tmp_path: Path, old: str, new: str, message: str) -> None:
    graph, op, x = small()
    files, _ = emit_layer(graph, op, Fold(2, 3), U4, (8,) * 6)
    bench = {name: str(text).replace(old, new) for name, text in files.items()}
    assert bench != files
    write_tree(tmp_path / "src", bench)  # type: ignore[arg-type]
    compile_layer("conv", tmp_path / "src")
    beats = (x.reshape(-1, 3) << [0, 4, 8]).sum(axis=1).astype("<u2")
    (tmp_path / "in").write_bytes(beats.tobytes())
    done = subprocess.run(
        [tmp_path / "src/tb", tmp_path / "in", tmp_path / "out"], capture_output=True, text=True, check=False
    )
    assert done.returncode in (2, 3, 4) and message in done.stderr


def test_illegal_template_parameters_do_not_compile(tmp_path: Path) -> None:
    graph, op, _ = small()
    files, _ = emit_layer(graph, op, Fold(2, 3), U4, (8,) * 6)
    for old, new, message in (
        ("mvau<12, 6, 3, 2, 1,", "mvau<13, 6, 3, 2, 1,", "SIMD must divide MW"),
        ("mvau<12, 6, 3, 2, 1,", "mvau<12, 7, 3, 2, 1,", "PE must divide MH"),
        ("weight_t, 8, 8, 8>", "weight_t, 8, 8>", "one accumulator width a lane"),
        ("weight_t, 8, 8, 8>", "weight_t, 8, 8, 9>", "an accumulator must have 1 ... OUT_BITS bits"),
    ):
        broken = {name: str(text).replace(old, new) for name, text in files.items()}
        assert broken != files
        write_tree(tmp_path / "src", broken)  # type: ignore[arg-type]
        with pytest.raises(ToolFailed, match="g\\+\\+ ended with status 1"):
            compile_layer("conv", tmp_path / "src")
        assert message in (tmp_path / "src" / "compile.log").read_text()


def test_what_has_no_template_is_refused() -> None:
    op = LabelSelect("label", ("x",), ("y",))
    tensors = [Tensor("x", (1, 1, 4), U4, 0, 15), Tensor("y", (1, 1, 1), IntType(2, False), 0, 3)]
    graph = Graph("g", ("x",), ("y",), (op,), by_name(tensors))
    with pytest.raises(UnsupportedModel, match="label: operator LabelSelect has no HLS template"):
        emit_layer(graph, op, Fold(1, 1), U4, None)
    graph, mvau, _ = small()
    with pytest.raises(InfeasibleFolding, match="conv: PE = 4"):
        emit_layer(graph, mvau, Fold(4, 1), U4, (8,) * 6)
