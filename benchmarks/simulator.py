"""Cycles per second of the stitched simulation, against a bare loop over the same Verilated model, and cocotb.

Peers: `bare`, the same generated C++ with a loop that only toggles the clock (`bare_loop.cpp`), and `cocotb` on the
same top, where it is installed (`pip install cocotb==2.1.0`; it needs make and perl). Processor time of the simulating
process, so that other work on the machine does not count; in turns, the median of the ratios.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from statistics import median
from typing import Any

from rich.table import Table

from benchmarks import _networks
from flows import fifos
from flows.accumulators import analyse
from flows.design import Design, Files
from flows.elaborate import elaborate
from flows.emit.rtl import emit
from flows.folding import Request, choose
from flows.simulate import verilator
from flows.simulate.bench import bench_files
from flows.simulate.cosim import Stitched

FRAMES, ROUNDS = 40, 7
TARGET_CYCLES = 12_000
LIMIT = 0.9
HERE = Path(__file__).parent


def design_of(chain: _networks.Chain) -> Design:
    """The chain, folded for TARGET_CYCLES a frame, with its FIFOs sized."""
    graph = chain.graph("cnn")
    folding = choose(graph, Request({}, TARGET_CYCLES))
    widths = {name: w.implemented("exact") for name, w in analyse(graph).items()}
    sizing = fifos.size(lambda depths: elaborate(graph, folding, widths, depths), {})
    return elaborate(graph, folding, widths, sizing.entries)


def seconds(command: list[str], folder: Path) -> float:
    """Processor seconds of a process and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with (folder / "bench.log").open("w") as log:
        subprocess.run(command, cwd=folder, check=True, stdout=log, stderr=log, timeout=1200)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def bare(sources: Files, folder: Path) -> Path:
    """The bare loop over the model of `sources`, compiled with the flags that the flow uses."""
    folder.mkdir(parents=True, exist_ok=True)
    texts: dict[PurePosixPath, str | bytes] = {n: t for n, t in sources.items() if n.suffix in verilator.SOURCES}
    texts |= {PurePosixPath(p.name): p.read_bytes() for p in sorted(verilator.HARNESS.glob("*.sv"))}
    return verilator.build_with(texts, "bench", folder, HERE / "bare_loop.cpp")


def run(folder: Path) -> tuple[dict[str, Any], Table]:
    """(cycles per second and ratios, table)."""
    chain = _networks.cnn(16, (16, 32), (32,))
    design = design_of(chain)
    rtl = emit(design)
    stitched = Stitched(design, rtl, folder / "ours")
    done = stitched.run(chain.inputs(4), FRAMES, "run")
    ours = [str(stitched.model.executable.resolve()), "job.txt"]
    modules = {n.stem: str(text) for n, text in rtl.items() if n.suffix == ".sv"}
    loop = bare(bench_files([stitched.dut], modules), folder / "bare")
    for name, text in rtl.items():
        if name.suffix == ".hex":
            (folder / "bare" / name).write_text(str(text), encoding="utf-8")
    times: dict[str, list[float]] = {"ours": [], "bare": []}
    for _ in range(ROUNDS):
        times["ours"].append(seconds(ours, folder / "ours" / "run"))
        times["bare"].append(seconds([str(loop.resolve()), str(done.cycles)], folder / "bare"))
    rates = {name: done.cycles / median(t) for name, t in times.items()}
    ratio = median(b / a for a, b in zip(times["ours"], times["bare"], strict=True))
    table = Table(title=f"Simulation of a stitched CNN, {len(design.instances)} instances (processor time)")
    for column in ("simulator", "cycles a second", "of the bare loop"):
        table.add_column(column, justify="right")
    table.add_row("bare Verilator loop", f"{rates['bare']:,.0f}", "1.000")
    table.add_row("a2qflow", f"{rates['ours']:,.0f}", f"{ratio:.3f}")
    result: dict[str, Any] = {
        "instances": len(design.instances), "cycles": done.cycles, "rounds": ROUNDS, "cycles_per_second": rates,
        "over_bare": ratio, "limit": LIMIT, "within": ratio >= LIMIT, "cocotb": None,
    }  # fmt: skip
    if find_spec("cocotb") is None:
        table.add_row("cocotb", "not installed", "–")
        return result, table
    from benchmarks import _cocotb

    cycles = done.cycles // 4
    rates["cocotb"] = _cocotb.run(rtl, cycles, folder / "cocotb", sys.executable)
    result["cocotb"] = {"cycles": cycles, "over_bare": rates["cocotb"] / rates["bare"]}
    table.add_row("cocotb", f"{rates['cocotb']:,.0f}", f"{rates['cocotb'] / rates['bare']:.3f}")
    return result, table
