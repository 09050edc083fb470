"""Design -> `deploy/`: what is copied to a board. Static Python, and `accelerator.json`, which it reads.

Everything the host has to know is in `accelerator.json`: shapes, types, folding, packing, what is done before and after
the accelerator, the identity of the bitstream, the board.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from flows.boards import Board
from flows.design import Design, Files, Stream
from flows.emit.ps import beat_bits, frame_bytes, identity
from flows.emit.rtl import TEMPLATES
from flows.frontend.spec import Imported
from flows.graph import IntArray

PACKAGE = TEMPLATES / "pynq"
BITFILE = "a2qflow.bit"
BLOCKS = {"accelerator": "accelerator_0", "dma": "axi_dma_0"}
"""Names of the blocks in the block design, and so in the .hwh file."""
_STATIC = tuple(sorted(p.name for p in PACKAGE.iterdir() if p.is_file() and not p.name.startswith(".")))
FILES = (*_STATIC, "accelerator.json", "vectors.npz")
"""Every file of the package but the bitstream."""


def emit(design: Design, imported: Imported, board: Board, clk_period_ns: float, vectors: Files) -> Files:
    """Every file of `deploy/` but the bitstream. `vectors`: what `vectors_file` gives."""
    static = {PurePosixPath(name): (PACKAGE / name).read_text(encoding="utf-8") for name in _STATIC}
    text = json.dumps(describe(design, imported, board, clk_period_ns), indent=2, allow_nan=False) + "\n"
    return {**static, PurePosixPath("accelerator.json"): text, **vectors}


def describe(design: Design, imported: Imported, board: Board, clk_period_ns: float) -> dict[str, Any]:
    """The content of `accelerator.json`."""
    graph = imported.graph
    source, host, result = design.streams[design.input], imported.input, imported.output
    tensor = graph[source.tensor]
    return {
        "schema_version": 1,
        "design": design.name,
        "identity": identity(design, board),
        "board": board.name,
        "board_names": list(board.pynq_names),
        "part": board.part,
        "bitfile": BITFILE,
        "blocks": BLOCKS,
        "dma_bits": board.dma_bits,
        "clock_mhz": 1e3 / clk_period_ns,
        "stages": [i.name for i in design.instances if i.op],
        "host_input": {
            "shape": list(host.shape),
            "scale": host.scale,
            "zero_point": host.zero_point,
            "bits": host.bits,
            "signed": host.signed,
            "narrow": host.narrow,
            "perm": None if host.perm is None else list(host.perm),
        },
        "input": {**_stream(source, graph[source.tensor].shape, board), "lo": tensor.lo, "hi": tensor.hi},
        "output": _stream(design.streams[design.output], graph[graph.outputs[0]].shape, board),
        "host_output": {
            "label_select": result.label_select,
            "shape": list(result.shape),
            "steps": [{"op": step.op, "value": np.asarray(step.value).tolist()} for step in result.steps],
        },
    }


def _stream(stream: Stream, shape: tuple[int, int, int], board: Board) -> dict[str, Any]:
    return {
        "shape": list(shape),
        "bits": stream.dtype.bits,
        "signed": stream.dtype.signed,
        "lanes": stream.lanes,
        "window": stream.window,
        "beats": stream.beats,
        "beat_bytes": beat_bits(stream.bits, board.dma_bits) // 8,
        "frame_bytes": frame_bytes(stream.bits, stream.beats, board.dma_bits),
    }


def vectors_file(
    imported: Imported, golden: Mapping[str, IntArray], frames: npt.NDArray[np.floating] | None, limit: int = 200
) -> Files:
    """`vectors.npz`: the first `limit` frames of the golden model: `codes` and `output` (N, H, W, C).

    With the float `frames` that they were made of, also these (`input`) and the network's own output (`final`).
    """
    graph = imported.graph
    codes, output = golden[graph.inputs[0]][:limit], golden[graph.outputs[0]][:limit]
    arrays: dict[str, npt.NDArray[Any]] = {"codes": _small(codes), "output": _small(output)}
    if frames is not None:
        result = imported.output
        arrays["input"] = np.asarray(frames[:limit], dtype=np.float64)
        arrays["final"] = output.reshape(len(output), -1) if result.label_select else result.apply(output)
    stream = io.BytesIO()
    np.savez_compressed(stream, allow_pickle=False, **arrays)
    return {PurePosixPath("vectors.npz"): stream.getvalue()}


def _small(values: IntArray) -> npt.NDArray[np.integer]:
    """The same integers in the smallest type that holds them."""
    lo, hi = int(values.min()), int(values.max())
    kinds: tuple[npt.DTypeLike, ...] = (np.uint8, np.int8, np.int16, np.int32, np.int64)
    dtype = next(k for k in kinds if np.iinfo(k).min <= lo and hi <= np.iinfo(k).max)
    return values.astype(dtype)
