"""Yosys' netlists as modules that a simulator takes, with the Xilinx cell models that Yosys brings.

A netlist is what the resource figures count: simulated, it says whether the figures are of the right circuit.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from flows.errors import ToolFailed, ToolMissing
from flows.synthesize.jobs import Job
from flows.synthesize.yosys import JOBS, STALL_SECONDS, run_jobs

NETLIST = "netlist.v"
WAIVERS = "`verilator_config\n" + "".join(
    f"lint_off -rule {rule}\n"
    for rule in ("PINMISSING", "INITIALDLY", "WIDTHTRUNC", "WIDTHEXPAND", "UNOPTFLAT", "COMBDLY")
)
"""For Verilator, of a model with netlists in it: unused pins are open, registers and carry chains are vectors whose
bits depend on each other, and the cell models set initial values, and registers that are left out, their own way."""
_MODULE = re.compile(r"^module +(\w+).*?^endmodule", re.DOTALL | re.MULTILINE)
_SPECIFY = re.compile(r"^ *specify\b.*?^ *endspecify", re.DOTALL | re.MULTILINE)


def netlists(jobs: Sequence[Job], family: str, folder: Path, *, stall_seconds: float = STALL_SECONDS) -> dict[str, str]:
    """{job name: Verilog of its netlist, a module of that name}, with the ports of the job's top.

    Job names must be Verilog identifiers, all different. Raises ToolFailed and ToolMissing as `yosys.synthesize` does.
    """
    named = {job.name: job for job in jobs}
    if len(named) != len(jobs) or not all(name.isidentifier() for name in named):
        raise ValueError(f"jobs need names of their own that are identifiers: {[job.name for job in jobs]}")
    for _ in run_jobs(named, family, folder, 1, stall_seconds):
        pass
    found = {}
    for path in sorted((folder / JOBS).glob(f"*/{NETLIST}")):
        name = path.parent.name.split("_", 1)[1]
        text, count = re.subn(
            rf"^module {named[name].top}\(", f"module {name}(", path.read_text(encoding="utf-8"), flags=re.M
        )
        if count != 1:
            raise ToolFailed(f"{path} holds {count} modules {named[name].top!r}, not one")
        found[name] = text
    return found


@cache
def cell_models() -> Mapping[str, str]:
    """{cell: Verilog} of Yosys' models of Xilinx primitives, without their timing. Raises ToolMissing."""
    spec = importlib.util.find_spec("pyosys")
    path = Path(spec.origin).parent / "share" / "xilinx" / "cells_sim.v" if spec and spec.origin else None
    if path is None or not path.is_file():
        raise ToolMissing(
            "Yosys' cell models are not installed; run `make install` (the PyPI package is called pyosys)"
        )
    text = _SPECIFY.sub("", path.read_text(encoding="utf-8"))
    return {m[1]: f"{m[0]}\n" for m in _MODULE.finditer(text)}
