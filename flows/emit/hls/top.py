"""The accelerator as HLS C++: its streams, with their depths, and the calls between them, in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flows.design import Design, Instance
from flows.emit.hls.cpp import wrapped
from flows.emit.hls.layer import Layer

TOP = "accelerator"
DEFAULT_DEPTH = 2
"""Of a stream without a FIFO."""
SPARE = 16
"""Entries on a branch for what the registers of an RTL stage may hold, and those of its HLS twin not."""
SRL_DEPTH = 128
"""Entries up to which a FIFO is made of shift registers."""


@dataclass(frozen=True)
class Channel:
    """A stream inside of the top. `streams`: those of the design that it is; of a FIFO that before and that behind."""

    name: str
    bits: int
    depth: int
    streams: tuple[str, ...]

    @property
    def storage(self) -> str | None:
        """`impl` of BIND_STORAGE; None where two entries need no memory."""
        return None if self.depth <= DEFAULT_DEPTH else "srl" if self.depth <= SRL_DEPTH else "bram"


@dataclass(frozen=True)
class Call:
    """`function(streams…)`, a template's arguments included."""

    function: str
    channels: tuple[str, ...]
    name: str

    def text(self, indent: int = 2) -> str:
        return wrapped(" " * indent + self.function + "(", self.channels, ");")


@dataclass(frozen=True)
class Top:
    """Bits of the outer streams without padding, beats of a frame, and what is between them."""

    name: str
    in_bits: int
    in_beats: int
    out_bits: int
    out_beats: int
    channels: tuple[Channel, ...]
    calls: tuple[Call, ...]


def top(design: Design, layers: Sequence[Layer]) -> Top:
    """The top of `design`: every FIFO becomes the stream that it is, everything else a call."""
    channels = _channels(design, {layer.name: layer for layer in layers})
    of = {stream: channel.name for channel in channels for stream in channel.streams}
    source, sink = design.streams[design.input], design.streams[design.output]
    calls = [Call(f"from_axis<{source.bits}, {source.beats}>", ("s_axis_0", of[source.name]), "from_axis")]
    for i in design.instances:
        if i.module != "fifo":
            calls.append(Call(_function(design, i), tuple(of[s] for s in (*i.inputs, *i.outputs)), i.name))
    calls.append(Call(f"to_axis<{sink.bits}, {sink.beats}>", (of[sink.name], "m_axis_0"), "to_axis"))
    return Top(TOP, source.bits, source.beats, sink.bits, sink.beats, channels, tuple(calls))


def _function(design: Design, instance: Instance) -> str:
    source = design.streams[instance.input]
    match instance.module:
        case "dwc":
            return f"dwc<{source.bits}, {design.streams[instance.output].bits}, {source.beats}>"
        case "duplicate":
            return f"duplicate<{source.bits}, {source.beats}>"
    return instance.name


def _channels(design: Design, layers: Mapping[str, Layer]) -> tuple[Channel, ...]:
    """In stream order. On a branch a FIFO is as much deeper as a stage may hold less than its RTL twin.

    A stage with a ring runs ahead in RTL, also while its output waits; its HLS twin takes what its next output needs,
    which is as little as in RTL. So the FIFO in front of it gets the ring's entries, and what does not stand still in
    RTL does not in HLS.
    """
    fifos = {i.input: i for i in design.instances if i.module == "fifo"}
    behind = {i.output for i in fifos.values()}
    readers = {s: i for i in design.instances for s in i.inputs}
    found = []
    for name in (design.input, *(s for i in design.instances for s in i.outputs)):
        if name in behind:
            continue
        fifo = fifos.get(name)
        if fifo is None:
            found.append(Channel(name, design.streams[name].bits, DEFAULT_DEPTH, (name,)))
            continue
        # A stream of one entry would stall every pipeline that it stands between.
        depth = max(int(fifo.params["DEPTH"]), DEFAULT_DEPTH)  # type: ignore[arg-type]
        if _on_branch(design, fifo):
            depth += SPARE + _ring(design, readers, layers, fifo)
        found.append(Channel(fifo.name, design.streams[name].bits, depth, (name, fifo.output)))
    return tuple(found)


def _on_branch(design: Design, fifo: Instance) -> bool:
    """Whether a way around `fifo` joins the streams before and behind it."""
    neighbours: dict[str, set[str]] = {}
    for instance in design.instances:
        if instance is not fifo:
            streams = {*instance.inputs, *instance.outputs}
            for stream in streams:
                neighbours[stream] = neighbours.get(stream, set()) | streams
    reached: set[str] = set()
    frontier = {fifo.input}
    while frontier:
        reached |= frontier
        frontier = set().union(*(neighbours.get(stream, set()) for stream in frontier)) - reached
    return fifo.output in reached


def _ring(design: Design, readers: Mapping[str, Instance], layers: Mapping[str, Layer], fifo: Instance) -> int:
    """Entries of `fifo` that hold as much as the ring of the stage behind it, converters between them or not."""
    reader = readers.get(fifo.output)
    while reader is not None and reader.module == "dwc":
        reader = readers.get(reader.output)
    if reader is None or not reader.op:
        return 0
    lanes = design.streams[fifo.input].lanes
    return -(-layers[reader.name].rtl_ring * design.streams[reader.input].lanes // lanes)
