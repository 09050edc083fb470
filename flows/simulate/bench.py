"""A test bench around any number of designs under test, and a helper that runs integer arrays through it.

dut = Dut("a", "dwc", {"IN_WIDTH": 8, "OUT_WIDTH": 4}, (Port("in", "s_axis", 8),), (Port("out", "m_axis", 4),))
case = Case(dut, (Feed(x, bits=4),), (Expect(beats=8, lanes=1, dtype=IntType(4, False)),))
result = simulate_duts([case], rtl_files(), folder)[0]
result.outputs[0]                              # int64 (frames, beats, lanes)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from flows.beats import bytes_per_beat, pack, unpack
from flows.design import Files, Param
from flows.emit.sv import modules_used, render_instance
from flows.errors import VerificationFailed
from flows.graph import IntArray, IntType
from flows.simulate import verilator
from flows.simulate.verilator import Job, Model, Run, Sink, Source

RTL = Path(__file__).parents[2] / "hw_templates" / "rtl"
TOP = "bench"


@dataclass(frozen=True)
class Port:
    """An AXI-Stream port `<prefix>_tdata/_tvalid/_tready` of `width` bits; with `last`, `<prefix>_tlast` too."""

    name: str
    prefix: str
    width: int
    last: bool = False


@dataclass(frozen=True)
class Dut:
    """An instance of `module`, called `name` (unique, a SystemVerilog identifier); `unused`: ports left open."""

    name: str
    module: str
    params: Mapping[str, Param]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    clock: str = "clk"
    reset: str = "rst_n"
    unused: tuple[str, ...] = ()


def bench(duts: Sequence[Dut]) -> str:
    """Module `bench(clk, rst_n)`: every input driven by an axis_source, every output taken by an axis_sink.

    IDs count from 0 over all the inputs, and over all the outputs, in the order of `duts` and their ports.
    """
    blocks = []
    source = sink = 0
    for dut in duts:
        connections = {dut.clock: "clk", dut.reset: "rst_n", **dict.fromkeys(dut.unused, "")}
        lines = [f"  // {dut.name}"]
        for port in (*dut.inputs, *dut.outputs):
            net = f"{dut.name}_{port.prefix}"
            lines.append(f"  wire [{port.width - 1}:0] {net}_tdata;")
            lines.append(f"  wire {net}_tvalid, {net}_tready, {net}_tlast;")
            signals = ("tdata", "tvalid", "tready", *(("tlast",) if port.last else ()))
            connections |= {f"{port.prefix}_{signal}": f"{net}_{signal}" for signal in signals}
            if port in dut.outputs and not port.last:
                lines.append(f"  assign {net}_tlast = 1'b0;")
        lines.append(render_instance(dut.module, dut.name, dut.params, connections))
        for port in dut.inputs:
            lines.append(_end("axis_source", source, f"{dut.name}_{port.prefix}", {"WIDTH": port.width}))
            source += 1
        for port in dut.outputs:
            params = {"WIDTH": port.width, "HAS_LAST": int(port.last)}
            lines.append(_end("axis_sink", sink, f"{dut.name}_{port.prefix}", params))
            sink += 1
        blocks.append("\n".join(lines))
    body = "\n\n".join(blocks)
    return f"""`default_nettype none

module {TOP} (
    input wire clk,
    input wire rst_n
);

{body}

endmodule

`default_nettype wire
"""


def _end(module: str, number: int, net: str, params: Mapping[str, Param]) -> str:
    signals = {s: f"{net}_{s}" for s in ("tvalid", "tready", "tdata", "tlast")}
    return render_instance(module, f"{net}_end", {"ID": number, **params}, {"clk": "clk", "rst_n": "rst_n", **signals})


def rtl_files() -> dict[str, str]:
    """{module: text} of `hw_templates/rtl`."""
    return {p.stem: p.read_text(encoding="utf-8") for p in sorted(RTL.glob("*.sv"))}


def bench_files(duts: Sequence[Dut], modules: Mapping[str, str]) -> Files:
    """The bench and those of `modules` {name: text} that it needs."""
    top = bench(duts)
    used = modules_used(modules, top)
    return {**{PurePosixPath(f"{name}.sv"): modules[name] for name in used}, PurePosixPath(f"{TOP}.sv"): top}


@dataclass(frozen=True, eq=False)
class Feed:
    """What an input port gets: `values` int64 (frames, beats, lanes), packed with `bits` bits a lane, lane 0 lowest.

    `frames`: how many to send, `values` again and again; default: each once.
    """

    values: IntArray = field(repr=False)
    bits: int
    frames: int | None = None
    throttle: verilator.Throttle | None = None


@dataclass(frozen=True)
class Expect:
    """What an output port gives for a frame: `beats` beats of `lanes` lanes of `dtype`.

    `frames`: how many are expected; default: as many as the first input sends.
    """

    beats: int
    lanes: int
    dtype: IntType
    frames: int | None = None


@dataclass(frozen=True)
class Case:
    """One design under test with its vectors, one Feed per input and one Expect per output."""

    dut: Dut
    feeds: tuple[Feed, ...]
    expects: tuple[Expect, ...]


@dataclass(frozen=True, eq=False)
class Result:
    """Outputs of one case, int64 (frames, beats, lanes) per output port, and what its ports saw."""

    outputs: tuple[IntArray, ...]
    inputs_seen: tuple[verilator.Port, ...]
    outputs_seen: tuple[verilator.Port, ...]


def build_duts(
    duts: Sequence[Dut], modules: Mapping[str, str], folder: Path, *, memories: Files | None = None, trace: bool = False
) -> Model:
    """One model with all of `duts`; `memories` are the files that their `$readmemh` name."""
    return verilator.build({**bench_files(duts, modules), **(memories or {})}, TOP, folder, trace=trace)


def job_of(
    cases: Sequence[Case], *, stall: tuple[float, float] = (0.0, 0.0), seed: int = 1, reset_at: int | None = None,
    max_idle_cycles: int = 10_000, trace: bool = False,
) -> Job:  # fmt: skip
    """The job that runs `cases` on a model of their DUTs; `stall`: probability at every source, and at every sink."""
    sources, sinks = [], []
    for case in cases:
        for port, feed in zip(case.dut.inputs, case.feeds, strict=True):
            sources.append(_source(port, feed, stall[0]))
        for expect in case.expects:
            sinks.append(Sink(expect.beats, _frames(case, expect), stall[1]))
    return Job(
        tuple(sources), tuple(sinks), seed=seed, reset_at=reset_at, max_idle_cycles=max_idle_cycles, trace=trace,
        source_names=tuple(f"{c.dut.name}.{p.name}" for c in cases for p in c.dut.inputs),
        sink_names=tuple(f"{c.dut.name}.{p.name}" for c in cases for p in c.dut.outputs),
    )  # fmt: skip


def _frames(case: Case, expect: Expect) -> int:
    if expect.frames is not None:
        return expect.frames
    feed = case.feeds[0]
    return len(feed.values) if feed.frames is None else feed.frames


def _source(port: Port, feed: Feed, stall: float) -> Source:
    frames, beats, lanes = feed.values.shape
    if lanes * feed.bits > port.width:
        raise ValueError(f"{port.name}: {lanes} lanes of {feed.bits} bits do not fit {port.width} bits")
    packed = pack(feed.values.reshape(-1, lanes), feed.bits)
    data = np.zeros((frames * beats, bytes_per_beat(port.width)), dtype=np.uint8)
    data[:, : packed.shape[1]] = packed
    return Source(data, beats, frames if feed.frames is None else feed.frames, stall, feed.throttle)


def results_of(cases: Sequence[Case], run: Run) -> tuple[Result, ...]:
    """The outputs of `run` by case. A frame that did not come whole is missing at the end."""
    results = []
    source = sink = 0
    for case in cases:
        seen = run.sinks[sink : sink + len(case.expects)]
        outputs = []
        for expect, port in zip(case.expects, seen, strict=True):
            frames = len(port.beats) // expect.beats
            beats = port.beats[: frames * expect.beats].reshape(frames, expect.beats, -1)
            outputs.append(unpack(beats, expect.lanes, expect.dtype.bits, expect.dtype.signed))
        results.append(Result(tuple(outputs), run.sources[source : source + len(case.feeds)], seen))
        source, sink = source + len(case.feeds), sink + len(case.expects)
    return tuple(results)


def simulate_duts(
    cases: Sequence[Case], modules: Mapping[str, str], folder: Path, *, stall: tuple[float, float] = (0.0, 0.0),
    seed: int = 1, reset_at: int | None = None, max_idle_cycles: int = 10_000, memories: Files | None = None,
    trace: bool = False,
) -> tuple[Result, ...]:  # fmt: skip
    """Builds all the cases as one model, runs them once, and gives their outputs as integers.

    Raises VerificationFailed on a deadlock or a protocol fault, naming the port `<dut>.<port>`.
    """
    model = build_duts([case.dut for case in cases], modules, folder, memories=memories, trace=trace)
    job = job_of(cases, stall=stall, seed=seed, reset_at=reset_at, max_idle_cycles=max_idle_cycles, trace=trace)
    run = model.run(job, folder / "run")
    if run.deadlock:
        raise VerificationFailed(f"deadlock: {run.explain_deadlock(job)}")
    return results_of(cases, run)
