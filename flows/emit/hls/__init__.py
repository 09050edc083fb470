"""Design -> HLS C++: one header a layer, the top with its streams, test benches, a Makefile, Tcl for Vitis HLS.

Only types, tables, parameters, streams and calls are generated; the kernels are `hw_templates/hls/*.hpp`, and
`hw_templates/hls/gxx` is what g++ needs beside them, where Vitis HLS has its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from flows.design import Design, Files, Folding
from flows.emit.hls.layer import Layer, of_instance
from flows.emit.hls.project import projects
from flows.emit.hls.text import HLS, render
from flows.emit.hls.top import Top, top
from flows.emit.hls.vectors import vectors
from flows.emit.rtl import DESCRIPTION, describe
from flows.errors import UnsupportedModel
from flows.graph import Graph, IntArray

SIMULATION = "simulation.cpp"
"""The program for g++ that runs every layer, and the top where there is one."""


@dataclass(frozen=True)
class Hls:
    """A design in HLS: its layers, the top, and the layers that RTL alone has, with which there is no top."""

    layers: tuple[Layer, ...]
    top: Top | None
    missing: tuple[str, ...] = ()


def twins(design: Design, graph: Graph, folding: Folding | None = None, *, fallback: bool = False) -> Hls:
    """What `design` is in HLS. Raises UnsupportedModel where a layer has no twin, unless `fallback`."""
    found, missing = [], []
    for instance in (i for i in design.instances if i.op):
        try:
            found.append(of_instance(design, graph, instance, (folding or {}).get(instance.op)))
        except UnsupportedModel:
            if not fallback:
                raise
            missing.append(instance.name)
    return Hls(tuple(found), None if missing else top(design, found), tuple(missing))


def emit(design: Design, hls: Hls, golden: Mapping[str, IntArray], part: str, clk_period_ns: float) -> Files:
    """Every file of `hls/`, in a fixed order. `golden`: every tensor, int64 (N, H, W, C), for the test benches."""
    return {
        **emit_files(hls.layers, hls.top), **projects(hls.layers, hls.top, part, clk_period_ns),
        **vectors(design, golden), DESCRIPTION: description(design),
    }  # fmt: skip


def description(design: Design) -> str:
    """`design.json`, as in rtl/."""
    return json.dumps(describe(design), indent=2) + "\n"


def emit_files(found: Sequence[Layer], whole: Top | None = None) -> Files:
    """The static headers, the files of the layers, and those of the top where there is one."""
    files: dict[PurePosixPath, str | bytes] = {}
    for path in (*sorted(HLS.glob("*.hpp")), *sorted(HLS.glob("gxx/*.h"))):
        files[PurePosixPath(path.relative_to(HLS).as_posix())] = path.read_text(encoding="utf-8")
    files[PurePosixPath(".clang-format")] = (HLS / ".clang-format").read_text(encoding="utf-8")
    for layer in found:
        stem = PurePosixPath("layers") / layer.name
        if layer.table is not None:
            files[stem.with_name(f"{layer.table.name}.hpp")] = render("table.hpp.j2", layer=layer, table=layer.table)
        files[stem.with_name(f"{layer.name}.hpp")] = render("layer.hpp.j2", layer=layer)
        files[stem.with_name(f"{layer.name}_top.cpp")] = render("layer_top.cpp.j2", layer=layer)
        files[stem.with_name(f"{layer.name}_tb.cpp")] = render("layer_tb.cpp.j2", layer=layer)
    if whole is not None:
        for name in ("accelerator.hpp", "accelerator.cpp", "accelerator_sized.hpp", "accelerator_tb.cpp"):
            files[PurePosixPath(name)] = render(f"{name}.j2", top=whole, layers=found)
    files[PurePosixPath(SIMULATION)] = render(f"{SIMULATION}.j2", top=whole, layers=found)
    return files
