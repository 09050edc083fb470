"""What builds the emitted C++: a Makefile for g++, a Tcl script for Vitis HLS for each layer and for the top."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from flows.design import Files
from flows.emit.hls.layer import Layer
from flows.emit.hls.text import render
from flows.emit.hls.top import Top

VITIS = PurePosixPath("vitis")
"""The folder of the scripts, and of the projects that they make."""
NO_PART = "none"
DEFAULT_PART = "xc7z020clg400-1"
"""Where the design is for no part: that of the default board."""


def projects(layers: Sequence[Layer], whole: Top | None, part: str, clk_period_ns: float) -> Files:
    """`Makefile` and vitis/*.tcl for `part` (NO_PART: DEFAULT_PART) and a clock of `clk_period_ns`."""
    part = DEFAULT_PART if part == NO_PART else part
    files: dict[PurePosixPath, str | bytes] = {PurePosixPath("Makefile"): render("Makefile.j2")}
    for layer in layers:
        sources = (f"layers/{layer.name}_top.cpp", f"layers/{layer.name}_tb.cpp")
        files[VITIS / f"{layer.name}.tcl"] = _script(layer.name, f"{layer.name}_top", sources, part, clk_period_ns)
    if whole is not None:
        sources = (f"{whole.name}.cpp", f"{whole.name}_tb.cpp")
        files[VITIS / f"{whole.name}.tcl"] = _script(whole.name, whole.name, sources, part, clk_period_ns)
    return files


def _script(name: str, function: str, sources: tuple[str, str], part: str, clk_period_ns: float) -> str:
    return render(
        "vitis.tcl.j2", name=name, function=function, source=sources[0], testbench=sources[1], part=part,
        period=f"{clk_period_ns:g}",
    )  # fmt: skip
