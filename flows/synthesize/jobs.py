"""What is synthesized: a module with fixed parameters, its sources and its memories, as a value without a place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path, PurePosixPath

from flows.design import Design, Files, Instance, MemFile, Param
from flows.emit.sv import modules_used, render_instance

RTL = Path(__file__).parents[2] / "hw_templates" / "rtl"
OUT_OF_CONTEXT = "out_of_context"
PRIMITIVES = {"lut6": RTL.parent / "yosys" / "LUT6.sv", "dsp48": RTL.parent / "yosys" / "DSP48E1.sv"}
"""RTL module that instantiates a vendor's primitive, to what Yosys must read beside it."""


@dataclass(frozen=True)
class Job:
    """One synthesis. `files`: the *.sv are compiled, the others are what they read; `top` is the module to measure.

    `name` is for messages only: jobs equal in all else are the same work. `kinds` {kind: selections of cells}: what
    each of them takes is told apart, see `flows.synthesize.kinds`. `options` go to `read_slang`, for sources not ours.
    """

    name: str
    top: str
    files: Files = field(repr=False)
    kinds: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    options: tuple[str, ...] = ()


@cache
def rtl_modules(folder: Path = RTL) -> Mapping[str, str]:
    """{module name: text} of the hand-written RTL."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.sv"))}


def wrapper(module: str, params: Mapping[str, Param], bits: Mapping[str, int]) -> str:
    """A module `out_of_context` with one instance of fixed parameters, between streams {port prefix: bits}."""
    ports = ["clk", "rst_n", *(f"{prefix}_t{s}" for prefix in bits for s in ("data", "valid", "ready"))]
    instance = render_instance(module, "core", params, {port: port for port in ports})
    declared = ["input  wire logic clk", "input  wire logic rst_n"]
    for prefix, width in bits.items():
        forward, back = ("input  wire logic", "output      logic")[:: 1 if prefix.startswith("s") else -1]
        declared += [
            f"{forward} [{width - 1}:0] {prefix}_tdata",
            f"{forward} {prefix}_tvalid",
            f"{back} {prefix}_tready",
        ]
    listed = ",\n    ".join(declared)
    return f"""`default_nettype none

module {OUT_OF_CONTEXT} (
    {listed}
);

{instance}

endmodule

`default_nettype wire
"""


def instance_job(design: Design, instance: Instance) -> Job:
    """One instance of the design, out of context."""
    # The number of a FIFO in simulation is no hardware: equal FIFOs are synthesized once.
    params = {key: 0 if key == "SIM_ID" else value for key, value in instance.params.items()}
    bits = {prefix: design.streams[name].bits for prefix, name in instance.ports.items()}
    return module_job(instance.name, instance.module, params, bits, instance.memories)


def module_job(
    name: str, module: str, params: Mapping[str, Param], bits: Mapping[str, int], memories: Iterable[MemFile] = ()
) -> Job:
    """One module with fixed parameters and its memories, between streams {port prefix: bits}, out of context."""
    text = wrapper(module, params, bits)
    modules = rtl_modules()
    files: dict[PurePosixPath, str | bytes] = {
        PurePosixPath(f"{name}.sv"): modules[name] for name in modules_used(modules, text)
    }
    files[PurePosixPath(f"{OUT_OF_CONTEXT}.sv")] = text
    files |= primitives(files)
    files |= {PurePosixPath(memory.name): memory.text for memory in memories}
    return Job(name, OUT_OF_CONTEXT, files)


def design_jobs(design: Design) -> tuple[Job, ...]:
    """Every instance of the design, FIFOs and data-width converters too, in stream order."""
    return tuple(instance_job(design, instance) for instance in design.instances)


def stitched_job(name: str, top: str, files: Files) -> Job:
    """The whole design as emitted (`flows.emit.rtl.emit`)."""
    return Job(name, top, {**files, **primitives(files)})


def primitives(files: Files) -> dict[PurePosixPath, str | bytes]:
    """The vendor's primitives that modules among `files` instantiate, for Yosys; other tools know them."""
    used = [path for name, path in PRIMITIVES.items() if PurePosixPath(f"{name}.sv") in files]
    return {PurePosixPath(path.name): path.read_text(encoding="utf-8") for path in used}
