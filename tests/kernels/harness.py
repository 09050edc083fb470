"""Checks RTL modules over a grid of parameters: many sets in one Verilated model, several stall patterns, one reset.

unit = Unit(name="a", module="dwc", params={…}, x=x, in_bits=8, y=expected, out_type=IntType(4, False))
check_grid([unit], tmp_path)
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

import numpy as np
import pytest

from flows.beats import fold as to_beats
from flows.design import Files, Fold, MemFile, Param
from flows.emit.sv import modules_used, render_param
from flows.errors import ToolFailed, VerificationFailed
from flows.golden import apply
from flows.graph import Graph, IntArray, IntType, Op, Shape, Tensor, by_name, output_shape
from flows.kernels.registry import kernel_of
from flows.ranges import propagate
from flows.simulate.bench import RTL, Case, Dut, Expect, Feed, Port, build_duts, job_of, results_of, rtl_files
from flows.simulate.toolchain import find_verilator
from flows.simulate.verilator import Job, Model
from flows.synthesize.jobs import PRIMITIVES

STALLS = ((0.0, 0.0), (0.3, 0.3), (0.9, 0.0), (0.0, 0.9), (0.7, 0.7))
"""Probabilities of a stall per cycle (source, sink)."""


@dataclass(frozen=True, eq=False)
class Unit:
    """A module with one parameter set, its input and what must come out.

    `x` (frames, beats, lanes) is packed with `in_bits` a lane, `y` (frames, beats, lanes) is expected as `out_type`.
    `more`: (x, in_bits) of further inputs. `outputs`: how many outputs there are, which all give `y`. Ports are s_axis
    and m_axis, numbered where there are several.
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
    more: tuple[tuple[IntArray, int], ...] = ()
    outputs: int = 1

    @property
    def case(self) -> Case:
        return self.fed()

    def fed(self, frames: int | None = None) -> Case:
        """The unit with its inputs once, or again and again for `frames` frames."""
        lanes, given = self.y.shape[2], ((self.x, self.in_bits), *self.more)
        expect = Expect(self.y.shape[1], lanes, self.out_type)
        sources = [Port(p, p, x.shape[2] * bits) for p, (x, bits) in zip(_ports("s", len(given)), given, strict=True)]
        sinks = [Port(p, p, lanes * self.out_type.bits) for p in _ports("m", self.outputs)]
        dut = Dut(self.name, self.module, self.params, tuple(sources), tuple(sinks))
        return Case(dut, tuple(Feed(x, bits, frames) for x, bits in given), (expect,) * self.outputs)


def _ports(side: str, count: int) -> list[str]:
    return [f"{side}{n if count > 1 else ''}_axis" for n in range(count)]


def one_op(op: Op, *inputs: tuple[Shape, IntType]) -> Graph:
    """The graph of `op` alone, with inputs of the given shapes and types, all of whose values they take."""
    given = [Tensor(n, s, t, t.min, t.max) for n, (s, t) in zip(op.inputs, inputs, strict=True)]
    lo, hi = propagate(op, *given)
    made = Tensor(op.outputs[0], output_shape(op, *(t.shape for t in given)), IntType.for_range(lo, hi), lo, hi)
    graph = Graph("one", op.inputs, op.outputs, (op,), by_name((*given, made)))
    graph.validate()
    return graph


def layer(
    graph: Graph, fold: Fold, name: str, *, seed: int = 0, frames: int = 4, window: int = 0,
    in_types: Sequence[IntType] = (), acc: tuple[int, ...] | None = None, x: Sequence[IntArray] = (),
) -> Unit:  # fmt: skip
    """The unit of a one-operator `graph`: random frames, `golden.apply` as what must come out, the analytic interval.

    `in_types`: of the streams where they differ from the tensors'; `window`: of a depthwise input, PE channels at
    a time; `x`: for every input frames (N, H, W, C) before the random ones.
    """
    (op,) = graph.ops
    rng = np.random.default_rng(seed)
    values = [rng.integers(t.lo, t.hi + 1, (frames, *t.shape)) for t in (graph[n] for n in op.inputs)]
    if x:
        values = [np.concatenate(pair) for pair in zip(x, values, strict=True)]
    types = tuple(in_types) or tuple(graph[n].dtype for n in op.inputs)
    low = kernel_of(op).lower(graph, op, fold, types[0], acc, *types[1:])
    beats = [to_beats(v, low.in_lanes, window, fold.pe if window else 0) for v in values]
    first, *more = ((b, t.bits) for b, t in zip(beats, types, strict=True))
    y = to_beats(apply(op, *values), low.out_lanes)
    interval = max(low.work_beats, y.shape[1], *(x.shape[1] for x, _ in (first, *more)))
    return Unit(
        name, low.module, low.params, *first, y, low.out_type, interval, memories=low.memories, more=tuple(more)
    )  # fmt: skip


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


def check_large_grid(units: Sequence[Unit], folder: Path) -> None:
    """The slow tests' grid: at least 40 parameter sets, which Yosys must read as well."""
    assert len(units) >= 40
    check_grid(units, folder)
    read_slang(units, folder / "slang")


def check_refused(unit: Unit, changed: Mapping[str, Param], message: str, folder: Path) -> None:
    """With `changed` parameters the module must not elaborate, and the error matches `message`."""
    with pytest.raises(ToolFailed, match=message):
        build([replace(unit, params={**unit.params, **changed})], folder)


def build(units: Sequence[Unit], folder: Path) -> Model:
    memories: Files = {PurePosixPath(m.name): m.text for u in units for m in u.memories}
    return build_duts([u.case.dut for u in units], rtl_files(), folder, memories=memories)


def _check(units: Sequence[Unit], model: Model, job: Job, folder: Path) -> None:
    run = model.run(job, folder)
    if run.deadlock:
        raise VerificationFailed(run.explain_deadlock(job))
    for unit, result in zip(units, results_of([u.case for u in units], run), strict=True):
        for number, got in enumerate(result.outputs):
            wrong = [tuple(map(int, index)) for index in np.argwhere(got != unit.y)]
            assert not wrong, (
                f"{unit.name} {dict(unit.params)}: {len(wrong)} of {got.size} differ at output {number}, the first at "
                f"(frame, beat, lane) {wrong[0]}: expected {unit.y[wrong[0]]}, got {got[wrong[0]]} ({folder})"
            )


def check_intervals(units: Sequence[Unit], model: Model, folder: Path, frames: int = 12) -> None:
    """Many frames, unstalled: the second half of them comes exactly `interval` cycles apart on average."""
    measured = intervals(units, model, folder, frames)
    for unit in units:
        if unit.interval is not None:
            assert measured[unit.name] == unit.interval, f"{unit.name} {dict(unit.params)}"


def intervals(units: Sequence[Unit], model: Model, folder: Path, frames: int = 12) -> dict[str, float]:
    """{unit: cycles per frame, unstalled, over the second half of `frames` frames less the last}."""
    cases = [unit.fed(frames) for unit in units]
    job = job_of(cases)
    run = model.run(job, folder)
    assert not run.deadlock, run.explain_deadlock(job)
    half = frames // 2
    seen = [result.outputs_seen[0] for result in results_of(cases, run)]
    return {u.name: float(np.mean(p.intervals[half:-1])) for u, p in zip(units, seen, strict=True)}


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
        assert done.returncode == 0, f"{unit.name} {' '.join(params)[:2000]}:\n{done.stderr[-4000:]}"


def read_slang(units: Sequence[Unit], folder: Path) -> None:
    """Yosys' `read_slang` takes every parameter set. In a child process: an error there ends the process."""
    folder.mkdir(parents=True, exist_ok=True)
    used = modules_used(rtl_files(), " ".join(u.module for u in units))
    files = " ".join(str(RTL / f"{name}.sv") for name in used)
    files += "".join(f" {PRIMITIVES[name]}" for name in used if name in PRIMITIVES)
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
