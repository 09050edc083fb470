"""`report/summary.json`: its structure as types, how it is made from a build's results, and how it is read back.

A key that is absent was not run. Keys beyond the published contract are optional for a reader: `performance` also has
the clock and what follows from it, `resources.yosys` the part's capacity and the share of it, a row of
`accumulator_comparison` the resources of each layer; `steps` says what every step of the build took.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NotRequired

import numpy as np
from pydantic import ConfigDict, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from flows.accumulators import LayerWidths, Policy
from flows.cycles import Timing
from flows.design import Design
from flows.errors import ConfigError
from flows.files import read_json
from flows.graph import Graph, Weighted
from flows.report.traffic import fifo_bits, timeline, traffic
from flows.synthesize.parts import Part

_CLOSED = ConfigDict(extra="forbid")
CHECKS = ("brevitas_vs_golden", "expected_vs_golden", "rtl_layers", "rtl_stitched", "hls_layers", "hls_top", "driver")


class Counts(TypedDict):
    """Resources; see flows.synthesize.cells.RESOURCES for the units."""

    LUT: int
    LUTRAM: int
    SRL: int
    FF: int
    CARRY: int
    BRAM_18K: int
    URAM: int
    DSP: int


class Training(TypedDict):
    """Metrics on the held-out split, in percent (accuracy) or dB (psnr)."""

    method: Literal["a2q+", "a2q", "qat"]
    dataset: str
    float_metric: float
    quant_metric: float
    metric: Literal["accuracy", "psnr"]
    split: Literal["test"]


class Layer(TypedDict):
    """One MVAU or VVAU; `trained_bits` None where the layer was not constrained."""

    name: str
    op: str
    mw: int
    mh: int
    pe: int
    simd: int
    weight_bits: int
    input_bits: int
    trained_bits: int | None
    datatype_bits: int
    exact_bits: int
    implemented_bits: int
    lane_bits: list[int]
    sparsity: float


class ChannelChange(TypedDict):
    """An MVAU or VVAU that is not built as it was imported: MW, MH, and bits of all its lanes, [before, after] each."""

    name: str
    inputs: list[int]
    outputs: list[int]
    lane_bits: list[int]


class Check(TypedDict):
    """One comparison with the golden model."""

    frames: int
    mismatches: int


class Verification(TypedDict, total=False):
    """The comparisons that ran."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]

    brevitas_vs_golden: Check
    expected_vs_golden: Check
    rtl_layers: Check
    rtl_stitched: Check
    hls_layers: Check
    hls_top: Check
    driver: Check


class CycleModel(TypedDict):
    """What the cycle model gives for as many frames as the simulation ran."""

    latency_cycles: int
    interval_cycles: float


class Traffic(TypedDict):
    """Cycles of one layer in the simulation at full speed, of `cycles` in all.

    `stalls`: its output waited for its reader; `starves`: it waited for input; `beats`: input beats it took, `active`
    times as many as cycles.
    """

    name: str
    beats: int
    stalls: int
    starves: int
    cycles: int
    active: float


class Busy(TypedDict):
    """When a layer was at work, from the cycle model: for every frame the first input and the last output beat."""

    name: str
    frames: list[list[int]]


class Performance(TypedDict):
    """`source` says where latency, interval, fps and latency_us come from; `estimate` has the bound alone."""

    source: Literal["rtlsim", "estimate"]
    latency_cycles: NotRequired[int]
    interval_cycles: NotRequired[float]
    bound_cycles: int
    bound_layer: str
    fifo_depths: dict[str, int]
    fifo_bits: NotRequired[int]
    cycle_model: NotRequired[CycleModel]
    traffic: NotRequired[list[Traffic]]
    timeline: NotRequired[list[Busy]]
    clk_period_ns: NotRequired[float]
    latency_us: NotRequired[float]
    fps: NotRequired[float]


class LayerResources(Counts):
    """Resources of one instance; `impl` is its RTL module, `path_ns` as in `CriticalPath`."""

    name: str
    impl: str
    path_ns: float


class CriticalPath(TypedDict):
    """The longest path within an instance, an estimate of the synthesis tool: cells alone, no wires."""

    ns: float
    instance: str
    source: Literal["yosys sta"]


class VivadoTiming(TypedDict):
    """Vivado's worst slacks after routing, and the clock that the setup slack allows."""

    wns_ns: float
    whs_ns: float
    fmax_mhz: float
    met: bool


class ToolResources(TypedDict):
    """What one tool says. `capacity` and `share` (fractions) where the part is known; `timing`: Vivado only.

    `critical_path`: Yosys only.

    Vivado counts the whole block design, with the DMA and the interconnect.
    """

    family: str
    part: str
    scope: Literal["stitched", "sum of layers"]
    total: Counts
    layers: list[LayerResources]
    capacity: NotRequired[Counts]
    share: NotRequired[dict[str, float]]
    timing: NotRequired[VivadoTiming]
    critical_path: NotRequired[CriticalPath]


class VitisCounts(TypedDict):
    """What csynth estimates."""

    LUT: int
    FF: int
    DSP: int
    BRAM_18K: int
    URAM: int


class VitisResources(TypedDict):
    """The HLS top: estimates of csynth; cycles of csynth (worst case) and of the C/RTL cosimulation (longest seen)."""

    part: str
    top: str
    total: VitisCounts
    latency_cycles: int | None
    interval_cycles: int | None
    cosim_latency_cycles: int | None
    cosim_interval_cycles: int | None
    target_ns: float
    slack_ns: float


class Resources(TypedDict, total=False):
    """Only tools that ran."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]

    yosys: ToolResources
    vitis: VitisResources
    vivado: ToolResources


class PolicyRow(TypedDict):
    """The same network and folding under one accumulator policy; `bits`: of each MVAU's widest lane."""

    policy: str
    bits: dict[str, int]
    total: Counts
    layers: NotRequired[dict[str, Counts]]


class StepUsage(TypedDict):
    """What a step took when it last ran, see flows.usage.Usage."""

    seconds: float
    cpu_seconds: float
    peak_memory_mib: float


class Summary(TypedDict):
    """The whole file."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]

    schema_version: Literal[1]
    design: str
    config_hash: str
    seed: int
    training: Training | None
    layers: list[Layer]
    channels: NotRequired[list[ChannelChange]]
    verification: Verification
    performance: NotRequired[Performance]
    resources: NotRequired[Resources]
    accumulator_comparison: list[PolicyRow]
    seconds: dict[str, float]
    steps: NotRequired[dict[str, StepUsage]]


_ADAPTER = TypeAdapter(Summary)


def validate(value: Any, where: str = "summary.json") -> Summary:
    """`value` as a Summary. Raises ConfigError naming the first wrong key."""
    try:
        return _ADAPTER.validate_python(value, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{where}: {key}: {first['msg']}") from None


def load(path: Path) -> Summary:
    """The summary in `path`. Raises ConfigError where it is missing or not one."""
    return validate(read_json(path), str(path))


def build(
    *,
    design: Design,
    graph: Graph,
    widths: Mapping[str, LayerWidths],
    policy: Policy,
    config_hash: str,
    seed: int,
    training: Mapping[str, Any] | None,
    checks: Mapping[str, Mapping[str, Any] | None],
    timing: Timing | None = None,
    resources: Mapping[Policy, Mapping[str, Any]],
    part: Part,
    clk_period_ns: float,
    seconds: Mapping[str, float],
    vitis: Mapping[str, Any] | None = None,
    vivado: Mapping[str, Any] | None = None,
    steps: Mapping[str, StepUsage] | None = None,
    channels: Sequence[Mapping[str, Any]] | None = None,
) -> Summary:
    """The summary of one build.

    `training`: the content of training.json. `checks`: what each verification step gave ({"frames", "mismatches"},
    `rtl_stitched` also {"performance": {"latency_cycles", "interval_cycles"}}), None or {} where it did not run.
    `resources`: policy to `flows.synthesize.yosys.Resources` as a dict, empty where Yosys did not run; `policy` is
    the one that is built. `timing`: the cycle model's run, with spans. `seconds`: by kind of work. `vitis`:
    VitisResources where Vitis HLS ran. `vivado`: what flows.synthesize.vivado.make_bitfile gave. `steps`: StepUsage of
    every step so far. `channels`: what flows.channels.changes gave, a ChannelChange each.
    """
    summary: dict[str, Any] = {
        "schema_version": 1,
        "design": design.name,
        "config_hash": config_hash,
        "seed": seed,
        "training": None if training is None else {key: training[key] for key in Training.__annotations__},
        "layers": [_layer(graph, design, op, widths[op.name]) for op in graph.of_type(Weighted)],
        "verification": {name: _check(found) for name in CHECKS if (found := checks.get(name))},
        "performance": _performance(design, checks.get("rtl_stitched"), timing, clk_period_ns),
    }
    if channels is not None:
        summary["channels"] = [dict(change) for change in channels]
    if policy in resources:
        summary["resources"] = {"yosys": _tool(resources[policy], part)}
    if vitis is not None:
        summary.setdefault("resources", {})["vitis"] = dict(vitis)
    if vivado is not None:
        found = {"family": part.family, "scope": "stitched", "total": vivado["total"], "layers": []}
        tool = _tool(found, part) | {"timing": dict(vivado["timing"])}
        summary["resources"] = {**summary.get("resources", {}), "vivado": tool}
    summary["accumulator_comparison"] = [
        {
            "policy": name,
            "bits": {layer: max(w.implemented(name)) for layer, w in widths.items()},
            "total": dict(found["total"]),
            "layers": {layer["name"]: dict(layer["counts"]) for layer in found["layers"]},
        }
        for name, found in resources.items()
    ]
    summary["seconds"] = {name: float(value) for name, value in seconds.items()}
    if steps is not None:
        summary["steps"] = {name: dict(used) for name, used in steps.items()}
    return validate(summary, "the summary")


def _check(found: Mapping[str, Any]) -> dict[str, int]:
    return {"frames": int(found["frames"]), "mismatches": int(found["mismatches"])}


def _layer(graph: Graph, design: Design, op: Weighted, widths: LayerWidths) -> dict[str, Any]:
    instance = design.instance(op.name)
    return {
        "name": op.name,
        "op": op.kind,
        "mw": op.mw,
        "mh": op.mh,
        "pe": instance.params.get("PE", op.mh),  # weights as logic: fully unrolled, without such parameters
        "simd": instance.params.get("SIMD", op.mw),
        "weight_bits": op.weight_type.bits,
        "input_bits": graph[op.inputs[0]].dtype.bits,
        "trained_bits": widths.trained_bits,
        "datatype_bits": widths.datatype_bits,
        "exact_bits": widths.exact_bits,
        "implemented_bits": max(instance.lane_bits),
        "lane_bits": list(instance.lane_bits),
        "sparsity": float(np.mean(op.weights == 0)),
    }


def _performance(
    design: Design, stitched: Mapping[str, Any] | None, timing: Timing | None, clk_period_ns: float
) -> dict[str, Any]:
    bound, slowest = design.bound
    found: dict[str, Any] = {"source": "rtlsim" if stitched else "estimate"}
    interval: float = bound
    if stitched:
        speed = stitched["performance"]
        interval = float(speed["interval_cycles"])
        found |= {"latency_cycles": int(speed["latency_cycles"]), "interval_cycles": interval}
    found |= {"bound_cycles": bound, "bound_layer": slowest}
    found["fifo_depths"] = {i.name: i.params["DEPTH"] for i in design.instances if i.module == "fifo"}
    found["fifo_bits"] = fifo_bits(design)
    if timing is not None:
        found["cycle_model"] = {
            "latency_cycles": timing.latency_cycles, "interval_cycles": timing.interval_cycles,
        }  # fmt: skip
        found["timeline"] = timeline(design, timing)
    if stitched:
        found["traffic"] = traffic(design, stitched["performance"])
    found["clk_period_ns"] = clk_period_ns
    if stitched:
        found["latency_us"] = found["latency_cycles"] * clk_period_ns / 1e3
    return found | {"fps": 1e9 / (interval * clk_period_ns)}


def _tool(found: Mapping[str, Any], part: Part) -> dict[str, Any]:
    total = dict(found["total"])
    tool = {
        "family": found["family"],
        "part": part.name,
        "scope": found["scope"],
        "total": total,
        "layers": [
            {"name": x["name"], "impl": x["impl"], **x["counts"], "path_ns": x["path_ns"]} for x in found["layers"]
        ],
    }
    if tool["layers"]:
        slowest = max(tool["layers"], key=lambda x: x["path_ns"])
        tool["critical_path"] = {"ns": slowest["path_ns"], "instance": slowest["name"], "source": "yosys sta"}
    if part.capacity is not None:
        tool |= {"capacity": dict(part.capacity), "share": part.share(total)}
    return tool
