"""RTL against the golden model: every layer alone, then the whole accelerator; integers, or a named difference."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from flows.beats import Bytes, bytes_per_beat, fold, pack, unfold, unpack
from flows.compare import require_equal
from flows.design import Design, Files, Instance, Stream
from flows.emit.rtl import STAGE_PORTS, TOP, monitored
from flows.errors import VerificationFailed
from flows.golden import apply
from flows.graph import Graph, IntArray
from flows.simulate.bench import Dut, Port, build_duts
from flows.simulate.job import Job, Run, Sink, Source, Throttle
from flows.simulate.standstill import explain
from flows.simulate.vectors import layer_inputs
from flows.simulate.verilator import Model

STEADY_FRAMES = 3
STALL = 0.3
"""Probability of a stall, per cycle, at each source and sink in the runs with stalls."""
RESET_FRAMES = 6
"""Frames of the run that is reset in mid-stream, and of the one with input at the steady rate."""
SHORT_CYCLES = 2_000_000
"""Cycles that these two runs may take; of long frames they have fewer."""


@dataclass(frozen=True)
class Speed:
    """Measured in RTL simulation without stalls: cycles, from the first input beat and between frames."""

    latency_cycles: int
    interval_cycles: float
    frames: int


def encode(values: IntArray, stream: Stream) -> Bytes:
    """Tensor (N, H, W, C) as the stream's beats, uint8 (N*beats, bytes)."""
    beats = fold(values, stream.lanes, stream.window, stream.group)
    return pack(beats.reshape(-1, stream.lanes), stream.dtype.bits)


def decode(beats: Bytes, stream: Stream, shape: tuple[int, int, int]) -> IntArray:
    """Inverse of `encode`; an unfinished last frame is dropped."""
    frames = len(beats) // stream.beats
    lanes = unpack(beats[: frames * stream.beats], stream.lanes, stream.dtype.bits, stream.dtype.signed)
    return unfold(lanes.reshape(frames, stream.beats, stream.lanes), shape, stream.window, stream.group)


def compile_model(duts: Sequence[Dut], rtl: Files, folder: Path, trace: bool) -> Model:
    """One model of `duts`, from the modules and memories that `rtl` holds."""
    modules = {n.stem: str(text) for n, text in rtl.items() if n.suffix == ".sv"}
    memories = {n: text for n, text in rtl.items() if n.suffix == ".hex"}
    return build_duts(duts, modules, folder, memories=memories, trace=trace)


def verify_layers(
    design: Design, graph: Graph, golden: Mapping[str, IntArray], rtl: Files, folder: Path, *,
    frames: int, seed: int, trace: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Every layer of `rtl` alone, at full speed and under random stalls: `frames` real frames and the adversarial ones.

    Returns {"frames", "mismatches", "layers": {name: {"frames"}}}. Raises VerificationFailed, naming the first layer
    that differs or stands still.
    """
    layers = [i for i in design.instances if i.op]
    inputs = {i.name: layer_inputs(graph, graph.op(i.op), golden, frames) for i in layers}
    counts = {name: len(values[0]) for name, values in inputs.items()}
    watch = Stopwatch()
    with watch("verilator_build"):
        model = compile_model([_dut(design, i) for i in layers], rtl, folder / "model", trace)
    fed = [(i, design.streams[s], x) for i in layers for s, x in zip(i.inputs, inputs[i.name], strict=True)]
    expected = {i.name: apply(graph.op(i.op), *inputs[i.name]) for i in layers}
    for name, stall in (("full_speed", 0.0), ("stalls", STALL)):
        job = Job(
            sources=tuple(Source(encode(x, s), s.beats, len(x), stall) for _, s, x in fed),
            sinks=tuple(Sink(design.streams[i.output].beats, counts[i.name], stall) for i in layers),
            source_names=tuple(i.name for i, _, _ in fed), sink_names=tuple(i.name for i in layers),
            seed=seed + 1, trace=trace, max_idle_cycles=idle_limit(design),
        )  # fmt: skip
        with watch("rtlsim"):
            run = model.run(job, folder / name)
        for number, layer in enumerate(layers):
            sink, wanted = design.streams[layer.output], expected[layer.name]
            got = decode(run.sinks[number].beats, sink, wanted.shape[1:])
            require_equal(f"rtl_layers ({name})", layer.name, wanted[: len(got)], got)
            if len(got) != len(wanted):
                raise VerificationFailed(
                    f"rtl_layers ({name}): {layer.name} stands still in frame {len(got)}: {run.sinks[number].taken} of "
                    f"{len(wanted) * sink.beats} beats came out (log: {run.log})"
                )
    tested = {name: {"frames": count} for name, count in counts.items()}
    return {
        "frames": frames, "mismatches": 0, "stall_probability": STALL, "seed": seed, "layers": tested,
        "seconds": watch.seconds,
    }  # fmt: skip


def idle_limit(design: Design) -> int:
    """Cycles without any handshake that mean a standstill: more than the slowest layer takes for a frame."""
    return 1000 + 2 * design.bound[0]


def _dut(design: Design, instance: Instance) -> Dut:
    ports = [Port(prefix, prefix, design.streams[name].bits) for prefix, name in instance.ports.items()]
    split = len(instance.inputs)
    return Dut(instance.name, instance.name, {}, tuple(ports[:split]), tuple(ports[split:]))


class Stopwatch:
    """Seconds by what they were spent on."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, what: str) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[what] = round(self.seconds.get(what, 0.0) + time.monotonic() - began, 3)


class Stitched:
    """The whole accelerator of `rtl`, compiled once, run as often as wanted. `watch` takes the time of both."""

    def __init__(
        self, design: Design, rtl: Files, folder: Path, *, trace: bool = False, watch: Stopwatch | None = None
    ) -> None:
        self.design, self.folder, self.trace, self.watch = design, folder, trace, watch or Stopwatch()
        self.source, self.sink = design.streams[design.input], design.streams[design.output]
        inputs = (Port("in", "s_axis_0", 8 * bytes_per_beat(self.source.bits)),)
        outputs = (Port("out", "m_axis_0", 8 * bytes_per_beat(self.sink.bits), last=True),)
        self.dut = Dut(TOP, TOP, {}, inputs, outputs, clock="ap_clk", reset="ap_rst_n", unused=STAGE_PORTS)
        with self.watch("verilator_build"):
            self.model = compile_model([self.dut], rtl, folder / "model", trace)

    def run(
        self, x: IntArray, frames: int, name: str, *, stall: float = 0.0, seed: int = 0, capture: bool = False,
        reset_at: int | None = None, limits: Mapping[str, int] | None = None, frame_cycles: int | None = None,
    ) -> Run:  # fmt: skip
        """`frames` frames of `x` (N, H, W, C), again from its start when it ends. `limits`: {FIFO name: entries}."""
        ids = {i.name: int(i.params["SIM_ID"]) for i in self.design.instances if i.module == "fifo"}  # type: ignore[arg-type]
        throttle = None if frame_cycles is None else Throttle(frame_cycles)
        job = Job(
            sources=(Source(encode(x, self.source), self.source.beats, frames, stall, throttle),),
            sinks=(Sink(self.sink.beats, frames, stall),),
            source_names=("input",), sink_names=("output",),
            monitors={n + 1: s.name for n, s in enumerate(monitored(self.design))},
            fifo_limits={ids[n]: entries for n, entries in (limits or {}).items()},
            seed=seed + 1, capture=capture, trace=self.trace, reset_at=reset_at,
            max_idle_cycles=idle_limit(self.design),
        )  # fmt: skip
        with self.watch("rtlsim"):
            return self.model.run(job, self.folder / name)


def output(design: Design, run: Run, graph: Graph) -> IntArray:
    """What came out of the top: whole frames (N, H, W, C)."""
    sink = design.streams[design.output]
    # Behind the payload a byte holds tlast.
    return decode(run.sinks[0].beats[:, : bytes_per_beat(sink.bits)], sink, graph[sink.tensor].shape)


def speed(run: Run) -> Speed:
    """Latency of the first frame, first beat in to last beat out; interval: mean over the second half of the run."""
    done = run.sinks[0].last
    half = len(done) // 2
    interval = float(done[-1] - done[half - 1]) / (len(done) - half) if half else float(done[-1] + 1)
    return Speed(int(done[0] - run.sources[0].first[0]) + 1, interval, len(done))


def verify_stitched(
    design: Design, graph: Graph, golden: Mapping[str, IntArray], rtl: Files, folder: Path, *,
    frames: int, seed: int, trace: bool = False,
) -> tuple[dict[str, Any], Run]:  # fmt: skip
    """The whole accelerator: `frames` frames at full speed, again under random stalls, and with a reset in between.

    Where frames are not too long also with input at the steady rate, which the output must keep: what holds when frames
    wait in front of the slowest stage must hold when they come one by one.

    Every stream between two stages is compared, not the output alone: an argmax hides most wrong integers. Returns
    ({"frames", "mismatches", "streams", "frame_seconds", …}, the run at full speed); `frame_seconds`: what
    simulating one frame takes, of that run's wall-clock time. Raises VerificationFailed, naming the first layer whose
    stream differs from the golden model, or the one that stands still.
    """
    stitched = Stitched(design, rtl, folder, trace=trace)
    golden = {name: values[:frames] for name, values in golden.items()}
    x = golden[graph.inputs[0]]
    bound, _ = design.bound
    fast: Run | None = None
    frame_seconds = 0.0
    few = max(1, min(RESET_FRAMES, SHORT_CYCLES // bound))
    reset_at = min(few - 1, 2) * bound + bound // 3
    runs: list[tuple[str, int, dict[str, Any]]] = [
        ("full_speed", frames, {}),
        ("stalls", frames, {"stall": STALL, "seed": seed}),
        ("reset", few, {"stall": STALL / 3, "seed": seed + 1, "reset_at": reset_at}),
    ]
    if few >= STEADY_FRAMES:
        runs.append(("steady", few, {"frame_cycles": bound}))
    for name, count, options in runs:
        run = stitched.run(x, count, name, capture=True, **options)
        if name == "reset" and run.cycles <= reset_at and not run.deadlock:
            raise VerificationFailed(f"rtl_stitched: the run of {count} frames ended before the reset (log: {run.log})")
        require_equal_streams(design, run, graph, golden, count, f"rtl_stitched ({name})")
        if fast is None:
            # A frame takes the latency from its first beat to its last.
            spent = stitched.watch.seconds["rtlsim"]
            fast, frame_seconds = run, spent * speed(run).latency_cycles / run.cycles
        if name == "steady":
            _require_steady(design, run, speed(fast).interval_cycles)
    assert fast is not None
    result = {
        "frames": frames, "mismatches": 0, "stall_probability": STALL, "seed": seed, "reset_frames": few,
        "streams": [s.name for s in monitored(design)], "seconds": stitched.watch.seconds,
        "frame_seconds": round(frame_seconds, 4),
    }  # fmt: skip
    return result, fast


def _require_steady(design: Design, run: Run, interval: float) -> None:
    """Raises VerificationFailed where frames that come at the rate of the slowest stage go out more slowly than at full
    speed, by more than 1 % and 8 cycles."""
    bound, slowest = design.bound
    steady = speed(run).interval_cycles
    if steady > max(bound, interval) + max(bound // 100, 8):
        raise VerificationFailed(
            f"rtl_stitched (steady): with a frame every {bound} cycles at the input, which {slowest} needs, the output "
            f"gives one every {steady:.1f} (log: {run.log})"
        )


def require_equal_streams(
    design: Design, run: Run, graph: Graph, golden: Mapping[str, IntArray], frames: int, check: str
) -> None:
    """Raises VerificationFailed for the first of `run`'s captured streams that differs or lacks frames.

    Of its last frame an inner stream may lack the end where no window reads it: nothing that comes out waits for that.
    """
    where = f" (log: {run.log})" + (f"; waveform: {run.trace}" if run.trace else "")
    makers = {s: i for i in design.instances for s in i.outputs}
    complete = True
    for number, stream in enumerate(monitored(design)):
        monitor = run.monitors.get(number + 1)
        if monitor is None or monitor.captured is None:
            raise VerificationFailed(f"{check}: the top has no monitor of stream {stream.name}{where}")
        got = decode(monitor.captured, stream, graph[stream.tensor].shape)[:frames]
        try:
            require_equal(check, _blame(makers.get(stream.name)), _again(golden[stream.tensor], len(got)), got)
        except VerificationFailed as error:
            raise VerificationFailed(f"{error}{where}") from None
        complete &= len(got) >= frames - 1
    if run.deadlock or not complete:
        raise VerificationFailed(f"{check}: {explain(design, run)} stands still{where}")
    # The sink sees what the byte-padded port carries, the monitors what lies before it.
    require_equal(check, design.output, _again(golden[graph.outputs[0]], frames), output(design, run, graph))


def _again(frames: IntArray, count: int) -> IntArray:
    """`count` frames of a source that starts again at its end."""
    return frames[np.arange(count) % len(frames)]


def _blame(instance: Instance | None) -> str:
    return "input" if instance is None else instance.name
