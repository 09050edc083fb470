"""Graph + folding + accumulator widths + FIFO depths -> Design: module instances and the streams between them.

Every operator gets its module, every tensor that is read several times its duplicators. Between two operators stand a
FIFO, which decouples them and cuts the combinational ready path, and, where their lanes differ, a data-width converter
(DWC). The FIFO is on the side with fewer lanes, where its memory is narrow and deep, unless the other side moves faster
than the DWC: a reader that takes its input in bursts (an MVAU that goes over a vector several times) in front of a
widening one, or a writer with pauses (a sliding window that skips rows) behind a narrowing one. `flows.fifos` finds how
deep each must be, and which the design can do without.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from flows.design import Design, Folding, Instance, Param, Stream
from flows.errors import UnsupportedModel
from flows.graph import Flatten, Graph
from flows.kernels.registry import kernel_of

MIN_DEPTH = 2
"""Of a FIFO that passes a beat a clock, which every FIFO does that nothing is said about."""
LEAST_DEPTH = 1
"""Of one that passes a beat every other clock, in a register without logic. Depth 0 is none at all."""
READY_ENDS = ("fifo", "swg", "mvau_sparse", "upsample", "depthtospace")
"""Modules whose tready comes from registers; that of the others follows their reader's within the clock cycle."""
DIRECT = {("swg_parallel", "mvau_const"), ("swg_parallel", "pool_parallel"), ("mvau_const", "thresholding_const")}
"""(writer, reader) modules with no FIFO between them. The stream is whole windows or vectors wide, a FIFO of it takes
more LUTs than its neighbours; both stand still as a whole, so that the ready path gets one LUT longer."""


@dataclass
class _Builder:
    depths: Mapping[str, int]
    instances: list[Instance] = field(default_factory=list)
    streams: dict[str, Stream] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    paused: set[str] = field(default_factory=set)
    """Tensors whose writer pauses now and then: it takes longer to read its input than to do anything else."""

    def stream(self, stream: Stream) -> Stream:
        self.streams[stream.name] = stream
        return stream

    def name(self, kind: str) -> str:
        number = self.counts.get(kind, 0)
        self.counts[kind] = number + 1
        return f"{kind}_{number}"

    def fifo(self, source: Stream) -> Stream:
        name = self.name("StreamingFIFO")
        if self.depths.get(name) == 0:
            return source
        sink = self.stream(replace(source, name=f"{name}_out"))
        params: dict[str, Param] = {
            "WIDTH": source.bits,
            "DEPTH": max(self.depths.get(name, MIN_DEPTH), LEAST_DEPTH),
            "RAM_STYLE": "auto",
            "SIM_ID": self.counts["StreamingFIFO"],
        }
        self.instances.append(Instance(name, "fifo", "", params, (source.name,), (sink.name,), source.beats))
        return sink

    def link(self, source: Stream, lanes: int, bursts: bool, reader: str) -> Stream:
        """A FIFO and what converts the width, from `source` to a stream of `lanes`, read in `bursts` or evenly.

        Neither where `reader`, a module, takes the stream from the writer itself.
        """
        writer = next((i.module for i in self.instances if source.name in i.outputs), "")
        if source.lanes == lanes and (writer, reader) in DIRECT:
            return source
        if not bursts and (source.lanes <= lanes or source.tensor in self.paused):
            return self.dwc(self.fifo(source), lanes)
        return self.fifo(self.dwc(source, lanes))

    def dwc(self, source: Stream, lanes: int) -> Stream:
        if source.lanes == lanes:
            return source
        if source.lanes % lanes and lanes % source.lanes:
            source = self.dwc(source, math.lcm(source.lanes, lanes))
        name = self.name("StreamingDataWidthConverter")
        beats = source.beats * source.lanes // lanes
        sink = self.stream(replace(source, name=f"{name}_out", lanes=lanes, beats=beats))
        params = {"IN_WIDTH": source.bits, "OUT_WIDTH": sink.bits}
        work = max(source.beats, beats)
        self.instances.append(Instance(name, "dwc", "", params, (source.name,), (sink.name,), work))
        return sink

    def duplicate(self, source: Stream, readers: int) -> list[Stream]:
        """`readers` streams that all carry what `source` does."""
        streams: list[Stream] = []
        while len(streams) < readers - 1:
            name = self.name("DuplicateStreams")
            one, rest = (self.stream(replace(source, name=f"{name}_out{n}")) for n in range(2))
            params: dict[str, Param] = {"WIDTH": source.bits}
            self.instances.append(
                Instance(name, "duplicate", "", params, (source.name,), (one.name, rest.name), source.beats)
            )
            streams.append(one)
            source = rest
        return [*streams, source]


def elaborate(
    graph: Graph, folding: Folding, widths: Mapping[str, tuple[int, ...]], depths: Mapping[str, int] | None = None
) -> Design:
    """The design of `graph`, which has one input and one output.

    `widths`: accumulator bits per output channel of every MVAU and VVAU. `depths`: FIFO name to depth, 2 where absent,
    0 where reader and writer are to be neighbours; sliding window to the beats of its memory, where they are not to be
    what its kernel asks for.
    Raises InfeasibleFolding where a kernel refuses its folding, UnsupportedModel where nothing reads a tensor.
    """
    build = _Builder(depths or {})
    open_ends: dict[str, list[Stream]] = {}

    def publish(stream: Stream) -> None:
        readers = sum(op.inputs.count(stream.tensor) for op in graph.ops) + graph.outputs.count(stream.tensor)
        if not readers:
            maker = graph.producer(stream.tensor)
            what = f"the output {stream.tensor!r} of {maker.name} ({maker.kind})" if maker else "the network's input"
            raise UnsupportedModel(f"nothing reads {what}: its stream would stop everything; leave the operator out")
        open_ends[stream.tensor] = build.duplicate(stream, readers)

    tensor = graph[graph.inputs[0]]
    lanes = _input_lanes(graph, folding, widths)
    publish(build.stream(Stream("input", tensor.name, tensor.dtype, lanes, tensor.elements // lanes)))
    for op in graph.ops:
        sources = [open_ends[name].pop(0) for name in op.inputs]
        if isinstance(op, Flatten):
            if op.inputs[0] in build.paused:
                build.paused.add(op.outputs[0])
            publish(build.stream(replace(sources[0], tensor=op.outputs[0])))
            continue
        types = [s.dtype for s in sources]
        low = kernel_of(op).lower(graph, op, folding[op.name], types[0], widths.get(op.name), *types[1:])
        if low.module == "swg" and op.name in build.depths:
            low = replace(low, params={**low.params, "DEPTH": build.depths[op.name]})
        linked = []
        for name, source in zip(op.inputs, sources, strict=True):
            bursts = low.work_beats > graph[name].elements // low.in_lanes
            linked.append(build.link(source, low.in_lanes, bursts, low.module).name)
        out = graph[op.outputs[0]]
        beats = out.elements // low.out_lanes
        sink = build.stream(
            Stream(f"{op.name}_out", out.name, low.out_type, low.out_lanes, beats, low.out_window, low.out_group)
        )
        if max(graph[name].elements // low.in_lanes for name in op.inputs) > max(beats, low.work_beats):
            build.paused.add(out.name)
        build.instances.append(
            Instance(
                op.name, low.module, op.name, low.params, tuple(linked), (sink.name,), low.work_beats, low.memories,
                low.lane_bits,
            )
        )  # fmt: skip
        publish(sink)
    last = build.fifo(open_ends[graph.outputs[0]].pop(0))
    trained = {op.name: graph.trained_bits.get(op.name) for op in graph.ops if op.name in graph.trained_bits}
    return Design(graph.name, tuple(build.instances), build.streams, "input", last.name, trained)


def _input_lanes(graph: Graph, folding: Folding, widths: Mapping[str, tuple[int, ...]]) -> int:
    """Lanes of the network's input: those of its first reader."""
    first = next(op for op in graph.ops if not isinstance(op, Flatten))
    dtype, *more = (graph[name].dtype for name in first.inputs)
    return kernel_of(first).lower(graph, first, folding[first.name], dtype, widths.get(first.name), *more).in_lanes


def with_depths(design: Design, depths: Mapping[str, int]) -> Design:
    """The same design with those depths, none of them 0, of its FIFOs: as `elaborate` gives it, in less time."""
    instances = tuple(
        replace(i, params={**i.params, "DEPTH": max(depths[i.name], LEAST_DEPTH)})
        if i.module == "fifo" and i.name in depths
        else i
        for i in design.instances
    )
    return replace(design, instances=instances)


def without(design: Design, fifos: Collection[str]) -> Design:
    """The same design with the readers of `fifos` directly behind their writers, as depth 0 elaborates."""
    dropped = {i.output: i.input for i in design.instances if i.name in fifos}

    def source(stream: str) -> str:
        return source(dropped[stream]) if stream in dropped else stream

    kept = [i for i in design.instances if i.name not in fifos]
    instances = tuple(replace(i, inputs=tuple(map(source, i.inputs))) for i in kept)
    streams = {name: stream for name, stream in design.streams.items() if name not in dropped}
    return replace(design, instances=instances, streams=streams)


def longest_ready_path(design: Design) -> int:
    """Most modules in a row that a tready passes through in one clock cycle."""
    readers = {s: i for i in design.instances for s in i.inputs}
    length: dict[str, int] = {}
    for instance in reversed(design.instances):
        behind = [length[readers[s].name] for s in instance.outputs if s in readers]
        length[instance.name] = 0 if instance.module in READY_ENDS else 1 + max(behind, default=0)
    return max(length.values())


def fifo_names(design: Design) -> dict[str, tuple[str, str]]:
    """{operator: (nearest FIFO before its first input, nearest FIFO after it)}, for FINN's in/outFIFODepths."""
    producers = {s: i for i in design.instances for s in i.outputs}
    consumers = {s: i for i in design.instances for s in i.inputs}
    names = {}
    for instance in design.instances:
        if not instance.op:
            continue
        before, after = producers[instance.input], consumers[instance.output]
        while before.module != "fifo":
            before = producers[before.input]
        while after.module != "fifo":
            after = consumers[after.output]
        names[instance.name] = (before.name, after.name)
    return names
