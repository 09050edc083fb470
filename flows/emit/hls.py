"""One layer as Vitis HLS C++: its tables and its instance of the template, and a test bench for g++.

The templates themselves, `hw_templates/hls/*.hpp`, are static; `hw_templates/hls/gxx` is what g++ needs beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import jinja2
import numpy as np

from flows.design import Files, Fold, Lowered
from flows.errors import UnsupportedModel
from flows.graph import MVAU, Graph, IntArray, IntType, Op, Thresholding
from flows.kernels import mvau, thresholding
from flows.kernels.registry import kernel_of

HLS = Path(__file__).parents[2] / "hw_templates" / "hls"


@cache
def environment() -> jinja2.Environment:
    """Templates of `hw_templates/hls`; an undefined name is an error."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(HLS), undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, autoescape=False,
    )  # fmt: skip


def emit_layer(
    graph: Graph, op: Op, fold: Fold, in_type: IntType, acc: tuple[int, ...] | None
) -> tuple[Files, Lowered]:
    """`<op>.hpp`, the static headers and `<op>_tb.cpp`; and the stream shapes, which are those of the RTL module.

    Raises InfeasibleFolding for an illegal `fold`, UnsupportedModel where the operator has no HLS template.
    """
    # HLS has one microarchitecture: a compiler sees for itself that a memory of one word is constant.
    low = kernel_of(op).lower(graph, op, replace(fold, impl="folded"), in_type, acc)
    match op:
        case MVAU():
            values = _mvau(graph, op, low)
        case Thresholding():
            values = _thresholding(graph, op, low)
        case _:
            raise UnsupportedModel(f"{op.name}: operator {op.kind} has no HLS template; supported: MVAU, Thresholding")
    streams = {
        "name": op.name,
        "input": cpp_type(in_type),
        "in_bits": low.in_lanes * in_type.bits,
        "out_bits": low.out_lanes * low.out_type.bits,
        "in_beats": graph[op.inputs[0]].elements // low.in_lanes,
        "out_beats": graph[op.outputs[0]].elements // low.out_lanes,
    }
    files: dict[PurePosixPath, str | bytes] = {
        PurePosixPath(p.name): p.read_text(encoding="utf-8") for p in sorted(HLS.glob("*.hpp"))
    }
    files[PurePosixPath(f"{op.name}.hpp")] = _render(f"layer_{low.module}.hpp.j2", {**streams, **values})
    files[PurePosixPath(f"{op.name}_tb.cpp")] = _render("layer_tb.cpp.j2", streams)
    return files, low


def _render(template: str, values: Mapping[str, Any]) -> str:
    return environment().get_template(template).render(values)


def _mvau(graph: Graph, op: MVAU, low: Lowered) -> dict[str, Any]:
    pe, simd = low.out_lanes, low.in_lanes
    h, w, _ = graph[op.outputs[0]].shape
    # (MW, MH) to [nf*SF + sf][p][s]
    words = op.weights.reshape(op.mw // simd, simd, op.mh // pe, pe).transpose(2, 0, 3, 1).reshape(-1, pe, simd)
    return {
        "mw": op.mw, "mh": op.mh, "pe": pe, "simd": simd, "vectors": h * w, "words": _table(words),
        "weight": cpp_type(mvau.stored_type(op)),
        "lane_out_bits": low.out_type.bits, "acc_bits": low.lane_bits,
    }  # fmt: skip


def _thresholding(graph: Graph, op: Thresholding, low: Lowered) -> dict[str, Any]:
    pe = low.out_lanes
    h, w, channels = graph[op.inputs[0]].shape
    stored = thresholding.stored_thresholds(graph, op)
    stages = int(stored.shape[1]).bit_length()
    # In the order of the search tree; node 0 does not exist.
    steps = [1 << (stages - 1 - s) for s in range(stages)]
    nodes = np.concatenate([stored[:, :1] * 0, *(stored[:, step - 1 :: 2 * step] for step in steps)], axis=1)
    return {
        "channels": channels, "pe": pe, "beats": h * w * channels // pe, "stages": stages, "nodes": 1 << stages,
        "words": _table(nodes.reshape(channels // pe, pe, -1)), "out_bias": op.out_bias,
        "threshold": cpp_type(thresholding.stored_type(stored)),
        "output": cpp_type(low.out_type),
    }  # fmt: skip


def _table(words: IntArray) -> list[str]:
    """(words, pe, n) integers to the inside of one C++ initializer a word: `{1, 2}, {3, 4}`."""
    return [", ".join("{" + ", ".join(map(str, lane)) + "}" for lane in word) for word in words.tolist()]


def cpp_type(dtype: IntType) -> str:
    return f"{'ap_int' if dtype.signed else 'ap_uint'}<{dtype.bits}>"
