"""Design -> HLS C++: one header a layer, the top with its streams, test benches, a Makefile, Tcl for Vitis HLS.

Only types, tables, parameters, streams and calls are generated; the kernels are `hw_templates/hls/*.hpp`, and
`hw_templates/hls/gxx` is what g++ needs beside them, where Vitis HLS has its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import jinja2

from flows.design import Design, Files, Folding
from flows.emit.hls.cpp import cpp_type, wrapped
from flows.emit.hls.layer import Layer, layers
from flows.emit.hls.top import Top, top
from flows.graph import Graph

HLS = Path(__file__).parents[3] / "hw_templates" / "hls"
SIMULATION = "simulation.cpp"
"""The program for g++ that runs every layer, and the top where there is one."""


@cache
def environment() -> jinja2.Environment:
    """Templates of `hw_templates/hls`; an undefined name is an error."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HLS), undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, autoescape=False,
    )  # fmt: skip
    found.globals["wrapped"] = wrapped
    found.filters |= {
        "cpp": _literal, "ctype": cpp_type, "signature": _signature, "instance": _instance, "run": _run,
    }  # fmt: skip
    return found


def _literal(value: int | bool | str) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _signature(layer: Layer, head: str, tail: str) -> str:
    return wrapped(head % layer.name, [f"hls::stream<ap_uint<{p.bits}>>& {p.name}" for p in layer.ports], tail)


def _instance(layer: Layer) -> str:
    """The call of the template; long lines go on below the first argument."""
    head = wrapped(f"  {layer.template}<", list(layer.parameters), ">(")
    arguments = [p.name for p in layer.ports]
    arguments += ["memory"] if layer.memory else []
    arguments += [layer.table.name] if layer.table else []
    return wrapped(head, arguments, ");")


def _run(layer: Layer) -> str:
    beats = ", ".join(str(p.beats) for p in layer.ports)
    head = f"  bench.run<{len(layer.inputs)}>("
    return wrapped(head, [f'"{layer.name}"', layer.name, f"{{{beats}}}"], ");")


def emit(design: Design, graph: Graph, folding: Folding | None = None) -> Files:
    """Every file of `hls/`, in a fixed order. Raises UnsupportedModel where a layer has no HLS twin."""
    found = layers(design, graph, folding)
    return emit_files(found, top(design, found))


def emit_files(found: Sequence[Layer], whole: Top | None = None) -> Files:
    """The static headers, the files of the layers, and those of the top where there is one."""
    files: dict[PurePosixPath, str | bytes] = {}
    for path in (*sorted(HLS.glob("*.hpp")), *sorted(HLS.glob("gxx/*.h"))):
        files[PurePosixPath(path.relative_to(HLS).as_posix())] = path.read_text(encoding="utf-8")
    files[PurePosixPath(".clang-format")] = (HLS / ".clang-format").read_text(encoding="utf-8")
    for layer in found:
        stem = PurePosixPath("layers") / layer.name
        if layer.table is not None:
            files[stem.with_name(f"{layer.table.name}.hpp")] = _render("table.hpp.j2", layer=layer, table=layer.table)
        files[stem.with_name(f"{layer.name}.hpp")] = _render("layer.hpp.j2", layer=layer)
        files[stem.with_name(f"{layer.name}_top.cpp")] = _render("layer_top.cpp.j2", layer=layer)
        files[stem.with_name(f"{layer.name}_tb.cpp")] = _render("layer_tb.cpp.j2", layer=layer)
    if whole is not None:
        for name in ("accelerator.hpp", "accelerator.cpp", "accelerator_sized.hpp", "accelerator_tb.cpp"):
            files[PurePosixPath(name)] = _render(f"{name}.j2", top=whole, layers=found)
    files[PurePosixPath(SIMULATION)] = _render(f"{SIMULATION}.j2", top=whole, layers=found)
    return files


def _render(template: str, **values: Any) -> str:
    return environment().get_template(template).render(**values)
