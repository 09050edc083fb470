"""Checks RTL modules over a grid of parameters: many sets in one Verilated model, several stall patterns, one reset.

unit = Unit(name="a", module="dwc", params={…}, x=x, in_bits=8, y=expected, out_type=IntType(4, False))
check_grid([unit], tmp_path)
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from flows.design import Files, MemFile, Param
from flows.emit.sv import modules_used, render_param
from flows.errors import VerificationFailed
from flows.graph import IntArray, IntType
from flows.simulate.bench import RTL, Case, Dut, Expect, Feed, Port, build_duts, job_of, results_of, rtl_files
from flows.simulate.toolchain import find_verilator
from flows.simulate.verilator import Job, Model

STALLS = ((0.0, 0.0), (0.3, 0.3), (0.9, 0.0), (0.0, 0.9), (0.7, 0.7))
"""Probabilities of a stall per cycle (source, sink)."""


@dataclass(frozen=True, eq=False)
class Unit:
    """A module with one parameter set, ports s_axis and m_axis, its input and what must come out.

    `x` (frames, beats, lanes) is packed with `in_bits` a lane, `y` (frames, beats, lanes) is expected as `out_type`.
    `interval`: cycles per frame that the module must reach in the steady state when nothing stalls it, exactly.
    """

    name: str
    module: str
    params: Mapping[str, Param]
    x: IntArray = field(repr=False)
    in_bits: int
    y: IntArray = field(repr=False)
    out_type: IntType
    interval: int | None = None
    memories: tuple[MemFile, ...] = ()

    @property
    def case(self) -> Case:
        lanes = self.y.shape[2]
        source = Port("in", "s_axis", self.x.shape[2] * self.in_bits)
        sink = Port("out", "m_axis", lanes * self.out_type.bits)
        dut = Dut(self.name, self.module, self.params, (source,), (sink,))
        return Case(dut, (Feed(self.x, self.in_bits),), (Expect(self.y.shape[1], lanes, self.out_type),))


def check_grid(
    units: Sequence[Unit], folder: Path, *, stalls: Sequence[tuple[float, float]] = STALLS, seed: int = 1
) -> None:
    """Builds all the units as one model; every stall pattern must give `y`, also after a reset in mid-stream.

    Lints every parameter set with `verilator --lint-only -Wall`. Where `interval` is given, measures it unstalled.
    """
    lint(units, folder / "lint")
    model = build(units, folder)
    for i, stall in enumerate(stalls):
        _check(units, model, job_of([u.case for u in units], stall=stall, seed=seed + i), folder / f"run{i}")
    beats = min(u.x.shape[1] * len(u.x) for u in units)
    reset = job_of([u.case for u in units], stall=(0.2, 0.2), seed=seed, reset_at=max(beats // 2, 5))
    _check(units, model, reset, folder / "reset")
    if any(u.interval is not None for u in units):
        check_intervals(units, model, folder / "interval")


def build(units: Sequence[Unit], folder: Path) -> Model:
    memories: Files = {PurePosixPath(m.name): m.text for u in units for m in u.memories}
    return build_duts([u.case.dut for u in units], rtl_files(), folder, memories=memories)


def _check(units: Sequence[Unit], model: Model, job: Job, folder: Path) -> None:
    run = model.run(job, folder)
    if run.deadlock:
        raise VerificationFailed(run.explain_deadlock(job))
    for unit, result in zip(units, results_of([u.case for u in units], run), strict=True):
        (got,) = result.outputs
        wrong = [tuple(map(int, index)) for index in np.argwhere(got != unit.y)]
        assert not wrong, (
            f"{unit.name} {dict(unit.params)}: {len(wrong)} of {got.size} differ, the first at (frame, beat, lane) "
            f"{wrong[0]}: expected {unit.y[wrong[0]]}, got {got[wrong[0]]} ({folder})"
        )


def check_intervals(units: Sequence[Unit], model: Model, folder: Path, frames: int = 12) -> None:
    """Many frames, unstalled: the second half of them comes exactly `interval` cycles apart on average."""
    measured = intervals(units, model, folder, frames)
    for unit in units:
        if unit.interval is not None:
            assert measured[unit.name] == unit.interval, f"{unit.name} {dict(unit.params)}"


def intervals(units: Sequence[Unit], model: Model, folder: Path, frames: int = 12) -> dict[str, float]:
    """{unit: cycles per frame, unstalled, over the second half of `frames` frames less the last}."""
    cases = []
    for unit in units:
        case = unit.case
        cases.append(Case(case.dut, (Feed(unit.x, unit.in_bits, frames),), case.expects))
    job = job_of(cases)
    run = model.run(job, folder)
    assert not run.deadlock, run.explain_deadlock(job)
    half = frames // 2
    return {u.name: float(np.mean(p.intervals[half:-1])) for u, p in zip(units, run.sinks, strict=True)}


def lint(units: Sequence[Unit], folder: Path) -> None:
    """`verilator --lint-only -Wall` on every parameter set."""
    tool = find_verilator()
    folder.mkdir(parents=True, exist_ok=True)
    for unit in units:
        used = (unit.module, *modules_used(rtl_files(), rtl_files()[unit.module]))
        files = [str(RTL / f"{name}.sv") for name in dict.fromkeys(used)]
        params = [f"-G{key}={render_param(value)}" for key, value in unit.params.items()]
        argv = [str(tool.binary), "--lint-only", "-Wall", "--top-module", unit.module, *params, str(RTL / "lint.vlt")]
        done = subprocess.run(
            [*argv, *files], capture_output=True, text=True, cwd=folder, check=False,
            env={"VERILATOR_ROOT": str(tool.root)},
        )  # fmt: skip
        assert done.returncode == 0, f"{unit.name} {dict(unit.params)}:\n{done.stderr}"


def read_slang(units: Sequence[Unit], folder: Path) -> None:
    """Yosys' `read_slang` takes every parameter set. In a child process: an error there ends the process."""
    folder.mkdir(parents=True, exist_ok=True)
    used = modules_used(rtl_files(), " ".join(u.module for u in units))
    files = " ".join(str(RTL / f"{name}.sv") for name in used)
    for memory in (m for u in units for m in u.memories):
        (folder / memory.name).write_text(memory.text, encoding="utf-8")
    passes = []
    for unit in units:
        params = " ".join(f"-G {key}={render_param(value)}" for key, value in unit.params.items())
        passes.append(f"read_slang --top {unit.module} {params} {files}")
    script = "import sys\nfrom pyosys import libyosys as ys\n"
    script += "for line in open('passes.txt'):\n    ys.run_pass(line.strip(), ys.Design())\n"
    (folder / "passes.txt").write_text("\n".join(passes) + "\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
