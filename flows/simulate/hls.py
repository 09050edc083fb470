"""Runs one layer's HLS C++ as a program, built with g++ and the vendor's open `ap_int` headers."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from flows.beats import bytes_per_beat, pack, unfold, unpack
from flows.beats import fold as to_beats
from flows.compare import require_equal
from flows.design import Design, Fold, Folding
from flows.emit.hls import HLS, emit_layer
from flows.errors import ToolMissing
from flows.files import write_tree
from flows.golden import apply
from flows.graph import MVAU, Graph, IntArray, IntType, Op, Thresholding
from flows.simulate.toolchain import Command, find_compiler, run_all
from flows.simulate.vectors import layer_inputs

WARNINGS = ("-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas", "-Wno-unused-label")
"""Our sources are clean under these."""
OPTIMIZE = ("-O1", "-Wno-uninitialized", "-Wno-maybe-uninitialized")
"""Once inlined into our code, the vendor's default constructors are seen to read the bits that they mask."""


def find_ap_types() -> Path:
    """The folder of `ap_int.h` in the hls4ml wheel, found without importing it. Raises ToolMissing."""
    spec = find_spec("hls4ml")
    folder = Path(spec.origin).parent / "templates" / "vivado" / "ap_types" if spec and spec.origin else None
    if folder is None or not (folder / "ap_int.h").is_file():
        raise ToolMissing("the ap_int headers are not installed; pip install --no-deps hls4ml==1.3.0")
    return folder


def run_layer(
    graph: Graph, op: Op, fold: Fold, in_type: IntType, acc: tuple[int, ...] | None, inputs: IntArray, folder: Path,
    *, timeout_s: float = 600,
) -> IntArray:  # fmt: skip
    """Output (N, H, W, C) of `op` as HLS C++ for `inputs` (N, H, W, C), int64; arguments as of `lower`.

    The sources, their program and its logs are left in `folder`. Raises ToolFailed when they do not compile, when a
    stream runs empty or keeps beats after the last frame, or when either step takes longer than `timeout_s`;
    ToolMissing without g++ or the headers.
    """
    files, low = emit_layer(graph, op, fold, in_type, acc)
    write_tree(folder, files)
    compile_layer(op.name, folder, timeout_s)
    beats = to_beats(inputs, low.in_lanes)
    (folder / "input.bin").write_bytes(pack(beats.reshape(-1, low.in_lanes), in_type.bits).tobytes())
    command = (str(folder.resolve() / "tb"), "input.bin", "output.bin")
    run_all([Command(command, folder, folder / "run.log")], timeout_s=timeout_s)
    data = np.fromfile(folder / "output.bin", dtype=np.uint8)
    data = data.reshape(-1, bytes_per_beat(low.out_lanes * low.out_type.bits))
    lanes = unpack(data, low.out_lanes, low.out_type.bits, low.out_type.signed)
    return unfold(lanes.reshape(len(inputs), -1, low.out_lanes), graph[op.outputs[0]].shape)


def compile_layer(name: str, folder: Path, timeout_s: float = 600) -> None:
    """`<name>_tb.cpp` in `folder` to the program `tb`; a warning in our own sources is an error."""
    compiler, _ = find_compiler()
    argv = (
        compiler, "-std=c++14", *WARNINGS, *OPTIMIZE, "-I.", f"-I{HLS / 'gxx'}", "-isystem", str(find_ap_types()),
        f"{name}_tb.cpp", "-o", "tb",
    )  # fmt: skip
    run_all([Command(argv, folder, folder / "compile.log")], timeout_s=timeout_s)


def verify_layer(
    graph: Graph, op: Op, fold: Fold, in_type: IntType, acc: tuple[int, ...] | None, inputs: IntArray, folder: Path
) -> None:
    """Raises VerificationFailed, naming the first difference, unless the HLS C++ of `op` equals the golden model."""
    require_equal("hls_layers", op.name, apply(op, inputs), run_layer(graph, op, fold, in_type, acc, inputs, folder))


def verify_layers(
    design: Design,
    graph: Graph,
    folding: Folding,
    implemented: Mapping[str, tuple[int, ...]],
    golden: Mapping[str, IntArray],
    folder: Path,
    *,
    frames: int,
) -> dict[str, Any]:
    """Every MVAU and Thresholding of `design` as HLS C++, on the same vectors as the RTL of the layer.

    Returns {"frames", "mismatches", "layers": {name: {"frames"}}}. Raises VerificationFailed at the first layer that
    differs.
    """
    tested = {}
    for op in (op for op in graph.ops if isinstance(op, MVAU | Thresholding)):
        source = design.streams[design.instance(op.name).input]
        (inputs,) = layer_inputs(graph, op, golden, frames)
        verify_layer(graph, op, folding[op.name], source.dtype, implemented.get(op.name), inputs, folder / op.name)
        tested[op.name] = {"frames": len(inputs)}
    return {"frames": frames, "mismatches": 0, "layers": tested}
