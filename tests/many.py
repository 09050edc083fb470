"""Several accelerators in one Verilated model, each run, sized and checked as if it were alone: one compilation.

The design of network k keeps its text but for names that must differ: its top is accelerator_<k>, its FIFOs, converters
and duplicators have a prefix, its monitor and FIFO IDs an offset.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from flows import fifos
from flows.beats import bytes_per_beat
from flows.design import Design
from flows.emit.rtl import STAGE_PORTS, TOP, emit, monitored
from flows.errors import VerificationFailed
from flows.simulate import cosim
from flows.simulate.bench import Dut, Port
from flows.simulate.job import Job, Run, Sink, Source, Throttle
from tests.random_graphs import Network

IDS = 1000
"""Monitor and FIFO IDs of a network."""


@dataclass(frozen=True)
class Part:
    """What one network does in a run of all."""

    frames: int = 0
    limits: Mapping[str, int] | None = None
    frame_cycles: int | None = None


class Many:
    """A model of `networks`, whose operators' names must differ, with FIFOs that do not fill up."""

    def __init__(self, networks: Sequence[Network], folder: Path) -> None:
        self.networks, self.folder, self.runs = networks, folder, 0
        self.designs = [n.design(fifos.roomy(n.design())) for n in networks]
        files, duts = {}, []
        for number, design in enumerate(self.designs):
            apart = _apart(design, number)
            emitted = {str(name): text for name, text in emit(apart).items()}
            emitted[f"{TOP}_{number}.sv"] = _top_apart(emitted.pop(f"{TOP}.sv"), number)
            files |= {PurePosixPath(name): text for name, text in emitted.items()}
            source, sink = design.streams[design.input], design.streams[design.output]
            ends = [
                Port(p, f"{p}_axis_0", 8 * bytes_per_beat(s.bits), p == "m") for p, s in (("s", source), ("m", sink))
            ]
            duts.append(Dut(f"n{number}", f"{TOP}_{number}", {}, ends[:1], ends[1:], "ap_clk", "ap_rst_n", STAGE_PORTS))
        self.model = cosim.compile_model(duts, files, folder / "model", trace=False)

    def run(
        self, parts: Sequence[Part], *, stall: tuple[float, float] = (0.0, 0.0), seed: int = 1, capture: bool = False
    ) -> list[Run]:
        """One run; for each network, what `Stitched.run` would have given."""
        sources, sinks, limits = [], [], {}
        for number, (network, design, part) in enumerate(zip(self.networks, self.designs, parts, strict=True)):
            source, sink = design.streams[design.input], design.streams[design.output]
            throttle = None if part.frame_cycles is None else Throttle(part.frame_cycles)
            beats = cosim.encode(network.frames, source)
            sources.append(Source(beats, source.beats, part.frames, stall[0], throttle))
            sinks.append(Sink(sink.beats, part.frames, stall[1]))
            for name, entries in (part.limits or {}).items():
                limits[IDS * number + _sim_id(design, name)] = entries
        idle = max(cosim.idle_limit(design) for design in self.designs)
        job = Job(
            tuple(sources), tuple(sinks), seed=seed, fifo_limits=limits, capture=capture, max_idle_cycles=idle
        )  # fmt: skip
        self.runs += 1
        run = self.model.run(job, self.folder / f"run{self.runs}")
        return [self._part(run, number, part) for number, part in enumerate(parts)]

    def _part(self, run: Run, number: int, part: Part) -> Run:
        sink = run.sinks[number]
        expected = part.frames * self.designs[number].streams[self.designs[number].output].beats
        first = IDS * number
        return replace(
            run, deadlock=sink.taken < expected, sources=(run.sources[number],), sinks=(sink,),
            monitors={n - first: m for n, m in run.monitors.items() if first <= n < first + IDS},
            fifo_peaks={n - first: peak for n, peak in run.fifo_peaks.items() if first <= n < first + IDS},
        )  # fmt: skip

    def size(self) -> list[fifos.Sizing]:
        """`flows.fifos.size` of every network."""
        found = []
        for network in self.networks:
            try:
                found.append(fifos.size(network.design, {}))
            except VerificationFailed as error:
                raise VerificationFailed(f"{error}\n{network}") from None
        return found


def _sim_id(design: Design, fifo: str) -> int:
    return int(design.instance(fifo).params["SIM_ID"])


def _apart(design: Design, number: int) -> Design:
    """`design` with names and FIFO IDs of its own; streams are inside of the top and keep theirs."""
    assert len(monitored(design)) < IDS
    instances = []
    for i in design.instances:
        params = dict(i.params)
        if "SIM_ID" in params:
            params["SIM_ID"] = int(params["SIM_ID"]) + IDS * number
        instances.append(replace(i, name=i.name if i.op else f"n{number}_{i.name}", params=params))
    return replace(design, instances=tuple(instances))


def _top_apart(text: str, number: int) -> str:
    text = text.replace(f"module {TOP} (", f"module {TOP}_{number} (")
    return re.sub(r"(axis_monitor #\(\.ID\()(\d+)", lambda m: f"{m[1]}{int(m[2]) + IDS * number}", text)
