"""Runs Vivado on `stitched_ip/` and reads its reports: bitstream, utilization after routing, timing.

No Vivado has run this yet: it is tested with a stand-in for the program and with reports in the documented format
(UG906 for timing, UG904/UG906 for utilization).
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from flows.emit.pynq import BITFILE
from flows.errors import ToolFailed, ToolMissing
from flows.simulate.toolchain import Command, run_all

SCRIPTS = ("package_ip.tcl", "bitstream.tcl")
IDLE_SECONDS = 3 * 3600.0
"""Placing and routing a full part may say nothing for a long time."""
TIMEOUT_SECONDS = 48 * 3600.0

_LUT = {"LUT": ("Slice LUTs", "CLB LUTs"), "LUTRAM": ("LUT as Distributed RAM",), "SRL": ("LUT as Shift Register",)}
_ROWS = {
    **_LUT,
    "FF": ("Slice Registers", "CLB Registers"),
    "URAM": ("URAM",),
    "DSP": ("DSPs",),
}
_OPTIONAL = ("LUTRAM", "SRL", "URAM")
"""Rows that a report leaves out where the part or the design has none."""


@dataclass(frozen=True)
class Timing:
    """After routing. `wns_ns`, `whs_ns`: worst setup and hold slack; `fmax_mhz`: what the setup slack allows."""

    wns_ns: float
    whs_ns: float
    fmax_mhz: float
    met: bool


def find_vivado() -> str:
    """Path of `vivado`. Raises ToolMissing."""
    path = shutil.which("vivado")
    if path is None:
        raise ToolMissing("vivado is not on PATH; source its settings64.sh, or leave bitfile out of generate_outputs")
    return path


def make_bitfile(folder: Path, clk_period_ns: float) -> dict[str, Any]:
    """Runs the scripts in `folder` (`stitched_ip/`); the results are in `folder/bitfile`, the logs in `folder`.

    Returns {"total": Counts, "timing": Timing}. Raises ToolMissing, and ToolFailed with Vivado's first errors, also
    where the timing is not met.
    """
    program = find_vivado()
    shutil.rmtree(folder / "work", ignore_errors=True)
    shutil.rmtree(folder / "bitfile", ignore_errors=True)
    for script in SCRIPTS:
        log = folder / f"vivado_{Path(script).stem}.log"
        argv = (program, "-mode", "batch", "-nojournal", "-nolog", "-notrace", "-source", script)
        run_all([Command(argv, folder, log)], timeout_s=TIMEOUT_SECONDS, idle_s=IDLE_SECONDS)
    made = folder / "bitfile"
    for name in (BITFILE, str(Path(BITFILE).with_suffix(".hwh"))):
        if not (made / name).is_file():
            raise ToolFailed(f"vivado ended well but wrote no {made / name}; log: {folder / 'vivado_bitstream.log'}")
    total = parse_utilization(_report(made / "utilization.rpt"))
    timing = parse_timing(_report(made / "timing.rpt"), clk_period_ns)
    if not timing.met:
        raise ToolFailed(
            f"timing is not met at {clk_period_ns} ns: worst slack {timing.wns_ns} ns (setup), {timing.whs_ns} ns "
            f"(hold); set synth_clk_period_ns to at least {1e3 / timing.fmax_mhz:.3f}; report: {made / 'timing.rpt'}"
        )
    return {"total": total, "timing": asdict(timing)}


def _report(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise ToolFailed(f"vivado left no report {path}: {error.strerror}") from None


def parse_utilization(text: str) -> dict[str, int]:
    """`report_utilization` to the resources of flows.synthesize.cells (CARRY in CARRY4 units, BRAM in 18 Kb blocks).

    Raises ToolFailed where a row is missing.
    """
    rows = _table(text)
    counts: dict[str, int] = {}
    for resource, names in _ROWS.items():
        counts[resource] = _first(rows, names, resource in _OPTIONAL)
    counts["BRAM_18K"] = 2 * _first(rows, ("RAMB36/FIFO", "RAMB36"), True) + _first(rows, ("RAMB18",), True)
    counts["CARRY"] = _first(rows, ("CARRY4",), True) + 2 * _first(rows, ("CARRY8",), True)
    return counts


def _table(text: str) -> Mapping[str, int]:
    """{name: used} of every table row; names without indentation and footnote marks. The first of a name counts."""
    rows: dict[str, int] = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.lstrip().startswith("|") and len(cells) >= 2 and re.fullmatch(r"\d+(\.\d+)?", cells[1]):
            rows.setdefault(cells[0].rstrip("*"), int(float(cells[1])))
    return rows


def _first(rows: Mapping[str, int], names: tuple[str, ...], optional: bool) -> int:
    for name in names:
        if name in rows:
            return rows[name]
    if optional:
        return 0
    raise ToolFailed(f"Vivado's utilization report has no row {' or '.join(names)}")


def parse_timing(text: str, clk_period_ns: float) -> Timing:
    """`report_timing_summary` to its worst slacks. Raises ToolFailed where it has none: nothing is constrained."""
    lines = text.splitlines()
    start = next((i for i, line in enumerate(lines) if "Design Timing Summary" in line), None)
    if start is None:
        raise ToolFailed("Vivado's timing report has no Design Timing Summary")
    header = next((i for i in range(start, len(lines)) if lines[i].split()[:1] == ["WNS(ns)"]), None)
    values = lines[header + 2].split() if header is not None and header + 2 < len(lines) else []
    # Columns: WNS, TNS, TNS failing, TNS total, WHS, …
    if len(values) < 5 or "NA" in (values[0], values[4]):
        raise ToolFailed("Vivado's timing report gives no slack: nothing is constrained")
    wns, whs = float(values[0]), float(values[4])
    return Timing(wns, whs, 1e3 / (clk_period_ns - wns), wns >= 0 and whs >= 0)
