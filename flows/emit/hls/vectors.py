"""Vectors for the test benches: what goes into every layer and the top, and what must come out, as files of beats."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from flows.design import Design, Files, Stream
from flows.emit.hls.top import TOP
from flows.graph import IntArray
from flows.simulate.cosim import encode

VECTORS = PurePosixPath("vectors")
FRAMES = 4


def vectors(design: Design, golden: Mapping[str, IntArray], frames: int = FRAMES) -> Files:
    """vectors/<layer>/in0.bin …, expect0.bin …; `golden`: every tensor, int64 (N, H, W, C)."""
    files: dict[PurePosixPath, str | bytes] = {}

    def put(folder: str, ins: list[Stream], outs: list[Stream]) -> None:
        for side, streams in (("in", ins), ("expect", outs)):
            for number, stream in enumerate(streams):
                files[VECTORS / folder / f"{side}{number}.bin"] = encode(
                    golden[stream.tensor][:frames], stream
                ).tobytes()

    for instance in (i for i in design.instances if i.op):
        put(
            instance.name, [design.streams[s] for s in instance.inputs], [design.streams[s] for s in instance.outputs]
        )  # fmt: skip
    for name in (TOP, f"{TOP}_sized"):
        put(name, [design.streams[design.input]], [design.streams[design.output]])
    return files
