"""The hardware as a value: module instances, the streams between them, their parameters and memory words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath

from flows.graph import IntType

Files = Mapping[PurePosixPath, str | bytes]


@dataclass(frozen=True)
class Bits:
    """A sized constant: `width` bits, 0 <= value < 2**width; rendered as width'h…"""

    width: int
    value: int

    @classmethod
    def of_bytes(cls, values: tuple[int, ...]) -> Bits:
        """One byte per entry, entry 0 in the least significant byte (per-lane widths)."""
        return cls(8 * len(values), sum(v << (8 * i) for i, v in enumerate(values)))


@dataclass(frozen=True)
class MemFile:
    """A memory image: given to `$readmemh` as file `name`; `text` holds one hex word a line, address 0 first.

    `source` is the text or what makes it: many a folding is looked at, and few are built.
    """

    name: str
    source: str | Callable[[], str] = field(repr=False)

    @cached_property
    def text(self) -> str:
        return self.source if isinstance(self.source, str) else self.source()


Param = int | str | Bits


@dataclass(frozen=True)
class Fold:
    """How far a layer is unrolled: `pe` output lanes, `simd` input lanes; `parallel_window`: see `kernels.swg`.

    `impl`: "folded" (weights or thresholds in memories), "dsp" (MVAU: the same, multiplied in DSP slices), "sparse"
    (MVAU: tiles of zero weights are skipped), "const" (as logic; fully unrolled layers only), or "auto": "folded" or
    "const", see `flows.kernels.implementation`.
    `levels`: adders between two registers of a "const" MVAU.
    """

    pe: int
    simd: int
    parallel_window: bool = False
    impl: str = "auto"
    ram_style: str = "auto"
    levels: int = 4


Folding = Mapping[str, Fold]


@dataclass(frozen=True)
class Stream:
    """A folded NHWC stream: beat f carries `lanes` elements of `dtype`, lane 0 in the least significant bits.

    `tensor` is the graph's tensor it carries, `beats` the beats of one frame; `window` > 0: depthwise window order
    of `group` channels at a time, see `flows.beats.fold`.
    """

    name: str
    tensor: str
    dtype: IntType
    lanes: int
    beats: int
    window: int = 0
    group: int = 0

    @property
    def bits(self) -> int:
        return self.lanes * self.dtype.bits


@dataclass(frozen=True)
class Lowered:
    """What a kernel makes of one operator: the module, its parameters, its memories, the shape of its streams.

    An operator with two inputs takes both in `in_lanes`. `work_beats`: clock cycles that the module's inner loop needs
    for one frame when nothing stalls it. `lane_bits`: accumulator width of every PE lane (MVAU and VVAU).
    """

    module: str
    params: Mapping[str, Param]
    in_lanes: int
    out_lanes: int
    out_type: IntType
    work_beats: int
    memories: tuple[MemFile, ...] = ()
    out_window: int = 0
    out_group: int = 0
    lane_bits: tuple[int, ...] = ()


@dataclass(frozen=True)
class Instance:
    """One module in the stitched top. `op` is the graph's operator it implements, "" for FIFO, DWC and duplicator.

    `inputs` and `outputs` name streams: one of each, but two inputs where branches join, two outputs where they fork.
    """

    name: str
    module: str
    op: str
    params: Mapping[str, Param]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    work_beats: int
    memories: tuple[MemFile, ...] = ()
    lane_bits: tuple[int, ...] = ()

    @property
    def input(self) -> str:
        """The stream it reads; of two the first."""
        return self.inputs[0]

    @property
    def output(self) -> str:
        """The stream it writes; of two the first."""
        return self.outputs[0]

    @property
    def ports(self) -> dict[str, str]:
        """{port prefix: stream}: s_axis and m_axis, numbered s0_axis, s1_axis where there are two."""
        return dict(_named("s", self.inputs)) | dict(_named("m", self.outputs))


def _named(side: str, streams: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for number, stream in enumerate(streams):
        yield f"{side}{number if len(streams) > 1 else ''}_axis", stream


@dataclass(frozen=True)
class Design:
    """Instances in stream order, and the streams by name; `input` and `output` are the streams of the outside."""

    name: str
    instances: tuple[Instance, ...]
    streams: Mapping[str, Stream]
    input: str
    output: str
    trained: Mapping[str, int | None] = field(default_factory=dict)

    def instance(self, name: str) -> Instance:
        return next(i for i in self.instances if i.name == name)

    def cycles(self, instance: Instance) -> int:
        """max(input beats, output beats, work beats) of one frame: the analytic interval of the instance."""
        return max(instance.work_beats, *(self.streams[s].beats for s in (*instance.inputs, *instance.outputs)))

    @property
    def bound(self) -> tuple[int, str]:
        """(cycles, instance name) of the slowest instance."""
        slowest = max(self.instances, key=self.cycles)
        return self.cycles(slowest), slowest.name
