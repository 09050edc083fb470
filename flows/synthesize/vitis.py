"""Vitis HLS on the emitted C++: C simulation, synthesis, C/RTL cosimulation, export; and what its reports say.

    found = run(OUT/hls, "accelerator", OUT/synth/vitis)

Sources: UG1399 (Vitis HLS user guide): `vitis_hls -f`, `vitis-run --mode hls --tcl`, the folders of a solution, and the
elements of `<top>_csynth.xml`. Where no Vitis is on PATH, `find` returns None and nothing here runs.
"""

from __future__ import annotations

import shutil
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.errors import ToolFailed, ToolMissing
from flows.simulate.toolchain import Command, run_all

TIMEOUT_S = 12 * 3600
IDLE_S = 3600
"""Seconds in which the tool writes nothing to its log."""
SOLUTION = "solution"
RESOURCES = {"LUT": ("LUT",), "FF": ("FF",), "DSP": ("DSP", "DSP48E"), "BRAM_18K": ("BRAM_18K",), "URAM": ("URAM",)}
"""Our names of resources to the report's; older versions write DSP48E."""


@dataclass(frozen=True)
class Synthesis:
    """What csynth estimates for a top: resources, cycles (None where they depend on data), clock in ns."""

    part: str
    resources: dict[str, int]
    latency_min: int | None
    latency_max: int | None
    interval_min: int | None
    interval_max: int | None
    target_ns: float
    uncertainty_ns: float
    estimated_ns: float

    @property
    def slack_ns(self) -> float:
        """Of the estimated clock period, the uncertainty taken off the target's."""
        return self.target_ns - self.uncertainty_ns - self.estimated_ns


@dataclass(frozen=True)
class Cosimulation:
    """What the C/RTL cosimulation in one language says: status, cycles of latency and interval (None: not there)."""

    language: str
    status: str
    latency: tuple[int | None, int | None, int | None]
    interval: tuple[int | None, int | None, int | None]


@dataclass(frozen=True)
class Result:
    """Of one top."""

    synthesis: Synthesis
    cosimulation: tuple[Cosimulation, ...]


def summary(result: Result, top: str) -> dict[str, Any]:
    """`resources.vitis` of summary.json (flows.report.summary.VitisResources)."""
    s, c = result.synthesis, result.cosimulation[0]
    return {
        "part": s.part, "top": top, "total": dict(s.resources), "latency_cycles": s.latency_max,
        "interval_cycles": s.interval_max, "cosim_latency_cycles": c.latency[2],
        "cosim_interval_cycles": c.interval[2], "target_ns": s.target_ns, "slack_ns": round(s.slack_ns, 3),
    }  # fmt: skip


def find() -> tuple[str, ...] | None:
    """How a Tcl script is run, without the script: `vitis-run` (2024.2 and later), else `vitis_hls`; None without."""
    if path := shutil.which("vitis-run"):
        return (path, "--mode", "hls", "--tcl")
    if path := shutil.which("vitis_hls"):
        return (path, "-f")
    return None


def run(hls: Path, name: str, function: str, log: Path, *, timeout_s: float = TIMEOUT_S) -> Result:
    """Runs vitis/`name`.tcl in `hls`, the emitted folder; the test bench compares every output with golden.

    Raises ToolMissing without Vitis; ToolFailed, naming the log, where it fails, stands still or reports no pass.
    """
    command = find()
    if command is None:
        raise ToolMissing("neither vitis-run nor vitis_hls is on PATH; source Vitis' settings64.sh")
    script = hls / "vitis" / f"{name}.tcl"
    if not script.is_file():
        raise ToolMissing(f"{script} is missing; run again from step emit_hls")
    log.parent.mkdir(parents=True, exist_ok=True)
    run_all([Command((*command, str(script.resolve())), script.parent, log)], timeout_s=timeout_s, idle_s=IDLE_S)
    return read(script.parent / name / SOLUTION, function, log)


def read(solution: Path, function: str, log: Path) -> Result:
    """The reports in a solution's folder. Raises ToolFailed where one is missing, damaged, or says that it failed."""
    synthesis = read_synthesis(solution / "syn" / "report" / f"{function}_csynth.xml")
    cosimulation = read_cosimulation(solution / "sim" / "report" / f"{function}_cosim.rpt")
    ran = [c for c in cosimulation if c.status != "NA"]
    failed = [c for c in ran if c.status.lower() != "pass"]
    if not ran or failed:
        what = f"is {failed[0].status}" if failed else "did not run"
        raise ToolFailed(f"vitis: the C/RTL cosimulation of {function} {what}; log: {log}")
    return Result(synthesis, tuple(ran))


def read_synthesis(path: Path) -> Synthesis:
    """`<top>_csynth.xml`. Raises ToolFailed naming the file and the element that is missing."""
    try:
        root = ET.parse(path).getroot()
    except (OSError, ET.ParseError) as error:
        raise ToolFailed(f"vitis: cannot read the report {path}: {error}") from None

    def text(*places: str) -> str:
        for place in places:
            found = root.findtext(place)
            if found is not None:
                return found.strip()
        raise ToolFailed(f"vitis: the report {path} has no {places[0]}")

    def cycles(name: str) -> int | None:
        return _number(text(f"PerformanceEstimates/SummaryOfOverallLatency/{name}"))

    def resource(names: Sequence[str]) -> int:
        return int(text(*(f"AreaEstimates/Resources/{name}" for name in names)))

    try:
        return Synthesis(
            part=text("UserAssignments/Part"),
            resources={name: resource(names) for name, names in RESOURCES.items()},
            latency_min=cycles("Best-caseLatency"), latency_max=cycles("Worst-caseLatency"),
            interval_min=cycles("Interval-min"), interval_max=cycles("Interval-max"),
            target_ns=float(text("UserAssignments/TargetClockPeriod")),
            uncertainty_ns=float(text("UserAssignments/ClockUncertainty")),
            estimated_ns=float(text("PerformanceEstimates/SummaryOfTimingAnalysis/EstimatedClockPeriod")),
        )  # fmt: skip
    except ValueError as error:
        raise ToolFailed(f"vitis: the report {path} is damaged: {error}") from None


def read_cosimulation(path: Path) -> list[Cosimulation]:
    """`<top>_cosim.rpt`: a table with a row a language: status, then latency and interval, each min, avg, max."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ToolFailed(f"vitis: cannot read the report {path}: {error}") from None
    found = []
    for line in lines:
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if cells[0] in ("VHDL", "Verilog") and len(cells) >= 8:
            low, average, high, *interval = (_number(cell) for cell in cells[2:8])
            found.append(
                Cosimulation(cells[0], cells[1], (low, average, high), (interval[0], interval[1], interval[2]))
            )  # fmt: skip
    if not found:
        raise ToolFailed(f"vitis: the report {path} has no row of VHDL or Verilog")
    return found


def _number(text: str) -> int | None:
    """None where the tool writes NA, undef or ?."""
    return int(text) if text.isdigit() else None
