"""The HLS C++ as a program, built with g++ and the vendor's open `ap_int` headers, against the golden model."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from flows.beats import Bytes, bytes_per_beat
from flows.compare import require_equal
from flows.design import Design, Files, Stream
from flows.emit.hls import SIMULATION
from flows.emit.hls.top import TOP, Top
from flows.errors import ToolMissing
from flows.files import digest, file_digest, sha256, write_tree
from flows.golden import apply
from flows.graph import Graph, IntArray
from flows.simulate.cosim import decode, encode
from flows.simulate.toolchain import Command, cached, find_compiler, run_all
from flows.simulate.vectors import layer_inputs

WARNINGS = ("-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas", "-Wno-unused-label")
"""Our sources are clean under these."""
OPTIMIZE = ("-O1", "-Wno-uninitialized", "-Wno-maybe-uninitialized")
"""Once inlined into our code, the vendor's default constructors are seen to read the bits that they mask."""
TIMEOUT_S = 24 * 3600
IDLE_S = 900
"""Seconds in which the program, which says how far it is, says nothing."""
COMPILE_S = 3600


def find_ap_types() -> Path:
    """The folder of `ap_int.h`: that of Vitis HLS where $XILINX_HLS names one, else that in the hls4ml wheel.

    The wheel is found without importing it. Raises ToolMissing.
    """
    if vitis := os.environ.get("XILINX_HLS"):
        folder = Path(vitis) / "include"
        if not (folder / "ap_int.h").is_file():
            raise ToolMissing(f"XILINX_HLS is {vitis}, but {folder / 'ap_int.h'} is missing; unset it, or correct it")
        return folder
    spec = find_spec("hls4ml")
    found = Path(spec.origin).parent / "templates" / "vivado" / "ap_types" if spec and spec.origin else None
    if found is None or not (found / "ap_int.h").is_file():
        raise ToolMissing("the ap_int headers are not installed; pip install --no-deps hls4ml==1.3.0")
    return found


def compile_program(
    files: Files, folder: Path, *, defines: Sequence[str] = (), optimize: Sequence[str] = OPTIMIZE,
    timeout_s: float = COMPILE_S,
) -> Path:  # fmt: skip
    """SIMULATION among `files` as a program, which is kept in `folder` with its sources and log; or from the cache.

    Raises ToolFailed when it does not compile, a warning in our own sources included; ToolMissing without g++ or the
    headers.
    """
    compiler, version = find_compiler()
    options = ("-std=c++14", *WARNINGS, *optimize, *(f"-D{name}" for name in defines))
    sources = {name: text for name, text in files.items() if name.suffix in (".cpp", ".hpp", ".h")}
    write_tree(folder, {PurePosixPath("src") / name: text for name, text in sources.items()})
    ap_types = find_ap_types()
    digests = {str(name): sha256(text) for name, text in sources.items()}
    key = digest([version, options, file_digest(ap_types / "ap_int.h"), digests])

    def make(made: Path) -> None:
        argv = (
            compiler, *options, "-I.", "-Igxx", "-isystem", str(ap_types), SIMULATION, "-o",
            str(made / "simulation"),
        )  # fmt: skip
        run_all([Command(argv, folder.resolve() / "src", folder.resolve() / "compile.log")], timeout_s=timeout_s)

    program = folder / "simulation"
    with cached("hls", key, make) as entry:
        program.write_bytes((entry / "simulation").read_bytes())
    program.chmod(0o755)
    return program


def run_program(
    program: Path, name: str, inputs: Sequence[Bytes], folder: Path, outputs: Sequence[int], *,
    timeout_s: float = TIMEOUT_S,
) -> list[Bytes]:  # fmt: skip
    """What the function `name` of `program` puts out: beats, uint8 (N, bytes), for every output.

    `inputs`: beats of whole frames; `outputs`: bits of a beat. Files and the log are left in `folder`/`name`. Raises
    ToolFailed when a stream runs empty or keeps beats after the last frame, when nothing moves any more, or when it
    takes longer than `timeout_s`.
    """
    here = folder / name
    here.mkdir(parents=True, exist_ok=True)
    for number, beats in enumerate(inputs):
        (here / f"in{number}.bin").write_bytes(np.ascontiguousarray(beats).tobytes())
    argv = (str(program.resolve()), str(folder.resolve()), name)
    run_all([Command(argv, folder, here / "run.log")], timeout_s=timeout_s, idle_s=IDLE_S)
    return [read_beats(here / f"out{number}.bin", bits) for number, bits in enumerate(outputs)]


def read_beats(path: Path, bits: int) -> Bytes:
    """Beats of `bits`, in whole bytes each, uint8 (N, bytes)."""
    return np.fromfile(path, dtype=np.uint8).reshape(-1, bytes_per_beat(bits))


def verify_layers(
    design: Design, graph: Graph, golden: Mapping[str, IntArray], program: Path, names: Sequence[str], folder: Path, *,
    frames: int,
) -> dict[str, Any]:  # fmt: skip
    """The layers `names` of `program`, on the same vectors as their RTL: real frames and the adversarial ones.

    Returns {"frames", "mismatches", "layers": {name: {"frames"}}}. Raises VerificationFailed at the first layer that
    differs.
    """
    tested = {}
    for instance in (i for i in design.instances if i.name in names):
        op = graph.op(instance.op)
        inputs = layer_inputs(graph, op, golden, frames)
        fed = [encode(x, design.streams[s]) for x, s in zip(inputs, instance.inputs, strict=True)]
        sink = design.streams[instance.output]
        (beats,) = run_program(program, instance.name, fed, folder, [sink.bits])
        expected = apply(op, *inputs)
        require_equal("hls_layers", instance.name, expected, decode(beats, sink, expected.shape[1:]))
        tested[instance.name] = {"frames": len(inputs[0])}
    return {"frames": frames, "mismatches": 0, "layers": tested}


def verify_top(
    design: Design,
    graph: Graph,
    golden: Mapping[str, IntArray],
    program: Path,
    whole: Top,
    folder: Path,
    *,
    frames: int,
) -> dict[str, Any]:
    """The whole accelerator, called frame by frame, and again with its layers side by side and its streams sized.

    Every stream between two layers is compared, not the output alone. Returns {"frames", "mismatches", "streams"}.
    Raises VerificationFailed, naming the first layer whose stream differs; ToolFailed, naming the stream, where one
    keeps beats or nothing moves any more.
    """
    golden = {name: values[:frames] for name, values in golden.items()}
    source, sink = design.streams[design.input], design.streams[design.output]
    fed = [encode(golden[graph.inputs[0]], source)]
    wanted = golden[graph.outputs[0]]
    makers = {s: i.name for i in design.instances for s in i.outputs}

    def compare(check: str, who: str, stream: Stream, beats: Bytes) -> None:
        expected = golden[stream.tensor]
        require_equal(f"hls_top ({check})", who, expected, decode(beats, stream, expected.shape[1:]))

    (beats,) = run_program(program, TOP, fed, folder, [sink.bits])
    for channel in whole.channels:
        stream = design.streams[channel.streams[0]]
        recorded = read_beats(folder / TOP / f"{channel.name}.bin", channel.bits)
        compare("frame by frame", makers.get(stream.name, "input"), stream, recorded)
    compare("frame by frame", design.output, sink, beats)
    (beats,) = run_program(program, f"{TOP}_sized", fed, folder, [sink.bits])
    compare("side by side", design.output, sink, beats)
    streams = [channel.name for channel in whole.channels]
    return {"frames": len(wanted), "mismatches": 0, "streams": streams}
