"""Design -> SystemVerilog: one wrapper a layer, the stitched top, the memories, and the static modules they use.

Only instances, parameters and memory words are generated; the hardware itself is `hw_templates/rtl`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import jinja2

from flows.beats import bytes_per_beat
from flows.design import Design, Files, Instance, Stream
from flows.emit.sv import modules_used, render_instance, render_param

TEMPLATES = Path(__file__).parents[2] / "hw_templates"
TOP = "accelerator"
STAGE_PORTS = ("stage_valid", "stage_ready")
"""Ports of the top that only watch; see `stages`."""
DESCRIPTION = PurePosixPath("design.json")
"""Among the emitted files: what the design is, for tools and for whoever finds the folder later."""


@cache
def environment() -> jinja2.Environment:
    """Templates of `hw_templates/tops`; an undefined name is an error."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES / "tops"), undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, autoescape=False,
    )  # fmt: skip


def emit(design: Design) -> Files:
    """Every file of `rtl/`, in a fixed order: static modules, layer wrappers, memories, top, `design.json`."""
    files: dict[PurePosixPath, str | bytes] = {}
    for name in static_modules(design):
        files[PurePosixPath(name)] = (TEMPLATES / "rtl" / name).read_text(encoding="utf-8")
    for instance in design.instances:
        files[PurePosixPath(f"{instance.name}.sv")] = layer(design, instance)
        for memory in instance.memories:
            files[PurePosixPath(memory.name)] = memory.text
    files[PurePosixPath(f"{TOP}.sv")] = top(design)
    files[DESCRIPTION] = json.dumps(describe(design), indent=2) + "\n"
    return files


def static_modules(design: Design) -> tuple[str, ...]:
    """File names of the modules that the design instantiates, directly or not."""
    available = {p.stem: p.read_text(encoding="utf-8") for p in (TEMPLATES / "rtl").glob("*.sv")}
    roots = sorted({i.module for i in design.instances} | {"tlastmarker"})
    used = {*roots, *modules_used(available, *(available[name] for name in roots))}
    return tuple(f"{name}.sv" for name in sorted(used))


def layer(design: Design, instance: Instance) -> str:
    """The wrapper module of one instance: fixed parameters, ports clk, rst_n and its streams' (`Instance.ports`)."""
    streams = {prefix: design.streams[name] for prefix, name in instance.ports.items()}
    ports = {p: p for p in ("clk", "rst_n", *(s for prefix in streams for s in _axis(prefix)))}
    body = render_instance(instance.module, "core", instance.params, ports)
    return environment().get_template("layer.sv.j2").render(instance=instance, streams=streams, body=body)


def _axis(prefix: str) -> Iterator[str]:
    return (f"{prefix}_{signal}" for signal in ("tdata", "tvalid", "tready"))


def top(design: Design) -> str:
    """The stitched top: ap_clk, ap_rst_n, s_axis_0, m_axis_0 with tlast; byte-padded; handshakes of its stages."""
    source, sink = design.streams[design.input], design.streams[design.output]
    return environment().get_template("accelerator.sv.j2").render(
        design=design, streams=monitored(design), input=source, output=sink,
        in_bytes=bytes_per_beat(source.bits), out_bytes=bytes_per_beat(sink.bits), stages=stages(design),
    )  # fmt: skip


def stages(design: Design) -> tuple[str, ...]:
    """The streams that the operators write, in stream order: what a processing system can watch."""
    return tuple(i.output for i in design.instances if i.op)


def monitored(design: Design) -> tuple[Stream, ...]:
    """The streams in order from input to output; stream i has the monitor ID i + 1 in simulation."""
    return (design.streams[design.input], *(design.streams[s] for i in design.instances for s in i.outputs))


def describe(design: Design) -> dict[str, Any]:
    """`design.json`: what a reader needs to drive the top and to recheck the memories."""
    return {
        "schema_version": 1,
        "design": design.name,
        "top": TOP,
        "input": design.input,
        "output": design.output,
        "streams": {
            s.name: {"type": str(s.dtype), "lanes": s.lanes, "beats_per_frame": s.beats, "tensor": s.tensor}
            for s in monitored(design)
        },
        "instances": [
            {
                "name": i.name,
                "module": i.module,
                "inputs": list(i.inputs),
                "outputs": list(i.outputs),
                "cycles": design.cycles(i),
                "lane_bits": list(i.lane_bits),
                "parameters": {key: render_param(value) for key, value in i.params.items()},
                "memories": [m.name for m in i.memories],
            }
            for i in design.instances
        ],
    }
