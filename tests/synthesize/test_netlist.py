"""The netlist that Yosys counts, simulated with its Xilinx cell models, gives the golden integers: every module's."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import numpy as np
import pytest

from flows.design import Fold
from flows.emit.sv import modules_used
from flows.errors import ToolFailed
from flows.graph import ConvolutionInputGenerator, IntType, Pool
from flows.simulate.bench import Case, Dut, build_duts, job_of, results_of
from flows.synthesize.jobs import OUT_OF_CONTEXT, Job, primitives, rtl_modules, wrapper
from flows.synthesize.netlist import WAIVERS, cell_models, netlists
from tests.kernels import test_mvau, test_thresholding
from tests.kernels.harness import Unit, layer, one_op

U4, S9 = IntType(4, False), IntType(9, True)


def units() -> list[Unit]:
    """A small unit of every microarchitecture whose integers are computed, not only moved, and of both windows."""
    found = []
    for impl in test_mvau.IMPLS:
        point = test_mvau.Point(12, 6, 3, 4, 4, U4, density=0.5)
        found.append(test_mvau.unit_of(point, f"mvau_{impl}", impl)[0])
    narrow = test_mvau.Point(8, 4, 4, 8, 4, U4, limit=7)  # a parity, a cascade of two segments, a lane in LUTs
    found.append(test_mvau.unit_of(narrow, "mvau_dsp_packed", "dsp")[0])
    for impl in test_thresholding.IMPLS:
        thresholds = test_thresholding.Point(4, 2, S9, 15, spread=90)
        found.append(test_thresholding.unit_of(thresholds, f"thresholding_{impl}", impl)[0])
    window = ConvolutionInputGenerator("swg", ("x",), ("y",), (3, 3), (1, 1), (1, 1))
    graph = one_op(window, ((5, 5, 2), U4))
    found.append(layer(graph, Fold(1, 1), "swg", frames=3))
    found.append(layer(graph, Fold(1, 2, parallel_window=True), "swg_parallel", frames=3))
    found.append(layer(one_op(Pool("pool", ("x",), ("y",), 4), ((2, 2, 8), U4)), Fold(2, 4), "pool", window=4))
    return found


def job(unit: Unit) -> Job:
    bits = {port.prefix: port.width for port in (*unit.case.dut.inputs, *unit.case.dut.outputs)}
    text = wrapper(unit.module, unit.params, bits)
    files = {PurePosixPath(f"{name}.sv"): rtl_modules()[name] for name in modules_used(rtl_modules(), text)}
    files[PurePosixPath(f"{OUT_OF_CONTEXT}.sv")] = text
    memories = {PurePosixPath(m.name): m.text for m in unit.memories}
    return Job(unit.name, OUT_OF_CONTEXT, {**files, **primitives(files), **memories})


def as_netlist(unit: Unit) -> Case:
    """The unit's case on a module of its name without parameters."""
    case, dut = unit.case, unit.case.dut
    return Case(Dut(f"{dut.name}_dut", unit.name, {}, dut.inputs, dut.outputs), case.feeds, case.expects)


def run(found: list[Unit], modules: dict[str, str], folder: Path) -> list[np.ndarray]:
    cases = [as_netlist(unit) for unit in found]
    waivers = {PurePosixPath("netlist.vlt"): WAIVERS}
    model = build_duts([case.dut for case in cases], {**cell_models(), **modules}, folder, memories=waivers)
    return [r.outputs[0] for r in results_of(cases, model.run(job_of(cases, stall=(0.3, 0.3)), folder / "run"))]


FAST = ("mvau_const", "thresholding_const", "mvau_sparse", "mvau_dsp")
"""The smallest; the others are minutes of a busy machine."""
NAMES = tuple(unit.name for unit in units())


@pytest.mark.parametrize("name", [n if n in FAST else pytest.param(n, marks=pytest.mark.slow) for n in NAMES])
def test_netlist_equals_golden(tmp_path: Path, name: str) -> None:
    unit = next(u for u in units() if u.name == name)
    (got,) = run([unit], netlists([job(unit)], "xc7", tmp_path / "yosys"), tmp_path / "sim")
    assert np.array_equal(got, unit.y)


def test_a_planted_fault_in_a_netlist_is_caught(tmp_path: Path) -> None:
    """The first sum bit of an adder, inverted."""
    unit = next(u for u in units() if u.name == "mvau_const")
    netlist = netlists([job(unit)], "xc7", tmp_path / "yosys")[unit.name]
    changed = netlist.replace(".INIT(4'h6)", ".INIT(4'h9)", 1)
    assert changed != netlist
    (got,) = run([unit], {unit.name: changed}, tmp_path / "sim")
    assert not np.array_equal(got, unit.y)


def test_names_must_differ_and_be_identifiers(tmp_path: Path) -> None:
    for names in (("a", "a"), ("a b",)):
        with pytest.raises(ValueError, match="names of their own that are identifiers"):
            netlists([Job(name, "top", {}) for name in names], "xc7", tmp_path)


def test_a_source_that_yosys_refuses_is_named(tmp_path: Path) -> None:
    broken = Job("broken", "top", {PurePosixPath("top.sv"): "module top; nothing here endmodule"})
    with pytest.raises(ToolFailed, match="Yosys failed on broken"):
        netlists([broken], "xc7", tmp_path)
