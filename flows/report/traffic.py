"""Who waits for whom, from the simulation's counters, and which layer works when, from the cycle model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from flows.cycles import Timing
from flows.design import Design

TIMELINE_FRAMES = 4


def traffic(design: Design, measured: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row a layer, of {"cycles", "streams": {stream: {"beats", "stalls", "starves"}}} of the run at full speed."""
    streams = measured["streams"]
    return [
        {
            "name": i.name, "beats": streams[i.input]["beats"], "stalls": streams[i.output]["stalls"],
            "starves": sum(streams[s]["starves"] for s in i.inputs), "cycles": measured["cycles"],
            "active": streams[i.input]["beats"] / measured["cycles"],
        }
        for i in design.instances if i.op
    ]  # fmt: skip


def timeline(design: Design, timing: Timing) -> list[dict[str, Any]]:
    """A row a layer: (first input beat, last output beat) in cycles, of the first frames that it finished."""
    rows = []
    for i in design.instances:
        if i.op:
            first = np.min([timing.spans[s][:TIMELINE_FRAMES, 0] for s in i.inputs], axis=0)
            last = timing.spans[i.output][:TIMELINE_FRAMES, 1]
            frames = [[int(a), int(z)] for a, z in zip(first, last, strict=True) if 0 <= a <= z]
            rows.append({"name": i.name, "frames": frames})
    return rows


def fifo_bits(design: Design) -> int:
    """Bits that all the FIFOs together hold."""
    total = 0
    for i in design.instances:
        depth, width = i.params.get("DEPTH"), i.params.get("WIDTH")
        if i.module == "fifo" and isinstance(depth, int) and isinstance(width, int):
            total += depth * width
    return total
