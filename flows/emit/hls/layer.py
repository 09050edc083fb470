"""One instance of a design as HLS C++: which template, with which parameters, tables, memory and streams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from flows.design import Bits, Design, Fold, Instance, Param, Stream
from flows.emit.hls.cpp import cpp_type, table, wrapped
from flows.errors import UnsupportedModel
from flows.graph import (
    MVAU,
    VVAU,
    Add,
    Concat,
    DepthToSpace,
    Graph,
    IntArray,
    IntType,
    Op,
    Thresholding,
    UpsampleNearest,
    Weighted,
)
from flows.kernels import mvau, thresholding
from flows.kernels.registry import kernel_of

STYLES = {"auto": None, "distributed": "lutram", "block": "bram"}
"""RAM_STYLE of the RTL to `impl` of BIND_STORAGE; None leaves it to the tool."""
Parameters = dict[str, int | bool | str]
"""Template parameters in order: numbers, and names of types and enumerators."""


@dataclass(frozen=True)
class Port:
    """A stream of an instance: the name of the function's argument, bits of a beat, beats of a frame."""

    name: str
    bits: int
    beats: int


@dataclass(frozen=True)
class Table:
    """Constants of `dtype`, in C++ [words][lanes][n]; `layout` says what is where."""

    name: str
    dtype: IntType
    dims: tuple[int, int, int]
    lines: Sequence[str]
    layout: str


@dataclass(frozen=True)
class Layer:
    """Everything that the files of one instance show. `memory`: beats of the ring that the template takes;
    `rtl_ring`: of that in RTL, which takes more while its output waits.
    """

    name: str
    template: str
    parameters: Parameters
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    types: Mapping[str, str]
    table: Table | None = None
    memory: int | None = None
    storage: str | None = None
    rtl_ring: int = 0

    @property
    def ports(self) -> tuple[Port, ...]:
        return (*self.inputs, *self.outputs)

    @property
    def includes(self) -> list[str]:
        return [f"{self.template}.hpp", *([f"layers/{self.table.name}.hpp"] if self.table else [])]


def of_instance(design: Design, graph: Graph, instance: Instance, fold: Fold | None = None) -> Layer:
    """The operator `instance` of `design`. `fold`: says whether its multipliers are DSPs."""
    ins, outs = ([design.streams[s] for s in names] for names in (instance.inputs, instance.outputs))
    op = graph.op(instance.op)
    return build(graph, op, instance.module, instance.params, instance.lane_bits, ins, outs, fold)


def of_operator(
    graph: Graph, op: Op, fold: Fold, in_type: IntType, acc: tuple[int, ...] | None, *more: IntType
) -> tuple[Layer, list[Stream], Stream]:  # fmt: skip
    """The operator alone, and its input and output streams; arguments as of `lower` (flows.kernels.base)."""
    low = kernel_of(op).lower(graph, op, fold, in_type, acc, *more)
    window = getattr(op, "window", op.mw if isinstance(op, VVAU) else 0)
    group = fold.pe if window else 0
    ins = [
        Stream(f"in{n}", name, dtype, low.in_lanes, graph[name].elements // low.in_lanes, window, group)
        for n, (name, dtype) in enumerate(zip(op.inputs, (in_type, *more), strict=True))
    ]
    made = graph[op.outputs[0]]
    out = Stream(
        "out0", made.name, low.out_type, low.out_lanes, made.elements // low.out_lanes, low.out_window, low.out_group
    )
    return build(graph, op, low.module, low.params, low.lane_bits, ins, [out], fold), ins, out


def of_stream_module(
    name: str, module: str, parameters: Mapping[str, int], ins: Sequence[Stream], outs: Sequence[Stream]
) -> Layer:
    """A module between the operators, DWC or duplicator, alone."""
    return Layer(name, module, dict(parameters), _ports("in", ins), _ports("out", outs), {})


def build(
    graph: Graph, op: Op, module: str, params: Mapping[str, Param], lane_bits: tuple[int, ...], ins: Sequence[Stream],
    outs: Sequence[Stream], fold: Fold | None,
) -> Layer:  # fmt: skip
    """Raises UnsupportedModel where `module`, the RTL module, has no HLS twin."""
    make = _MAKERS.get(module)
    if make is None:
        raise UnsupportedModel(
            f"{op.name} ({op.kind}): the RTL module {module} has no HLS twin; build this layer with backend: rtl, or "
            "allow hls_fallback: rtl"
        )
    found = make(_Source(graph, op, {k: v for k, v in params.items() if not isinstance(v, Bits)}, lane_bits, fold, ins))
    return Layer(
        name=op.name, template=TEMPLATES.get(module, module), parameters=found.parameters,
        inputs=_ports("in", ins), outputs=_ports("out", outs), types=found.types, table=found.table,
        memory=found.memory, storage=found.storage, rtl_ring=found.rtl_ring,
    )  # fmt: skip


def _ports(side: str, streams: Sequence[Stream]) -> tuple[Port, ...]:
    return tuple(
        Port(f"{side}{n}" if len(streams) > 1 else side, s.bits, s.beats) for n, s in enumerate(streams)
    )  # fmt: skip


@dataclass(frozen=True)
class _Source:
    graph: Graph
    op: Op
    params: Mapping[str, int | str]
    lane_bits: tuple[int, ...]
    fold: Fold | None
    ins: Sequence[Stream]

    def numbers(self, *keys: str) -> Parameters:
        return {key: int(self.params[key]) for key in keys}

    @property
    def pixels(self) -> int:
        h, w, _ = self.graph[self.op.outputs[0]].shape
        return h * w

    @property
    def size(self) -> tuple[int, int]:
        h, w, _ = self.graph[self.op.inputs[0]].shape
        return h, w

    @property
    def storage(self) -> str | None:
        return STYLES[str(self.params.get("RAM_STYLE", "auto"))]


@dataclass(frozen=True)
class _Made:
    parameters: Parameters
    types: Mapping[str, str]
    table: Table | None = None
    memory: int | None = None
    storage: str | None = None
    rtl_ring: int = 0


def _accumulating(s: _Source, shape: Parameters, words: IntArray, layout: str) -> _Made:
    op = s.op
    assert isinstance(op, Weighted)
    name, weights = f"{op.name}_weights", mvau.stored_type(op)
    dsp = s.fold is not None and s.fold.impl == "dsp"
    types = {
        "INPUT": cpp_type(s.ins[0].dtype),
        "WEIGHT": cpp_type(weights),
        "LANE_BITS": wrapped("typedef lane_bits<", [str(b) for b in s.lane_bits], ">").removeprefix("typedef "),
    }
    parameters: Parameters = {
        **shape, "INPUT": "INPUT", "WEIGHT": "WEIGHT", "OUT_BITS": int(s.params["OUT_BITS"]),
        "LANE_BITS": "LANE_BITS", "MULTIPLIER": f"multiplier::{'dsp' if dsp else 'fabric'}",
    }  # fmt: skip
    dims = (int(words.shape[0]), int(words.shape[1]), int(words.shape[2]))
    return _Made(parameters, types, Table(name, weights, dims, table(words), layout), None, s.storage)


def _mvau(s: _Source) -> _Made:
    op = s.op
    assert isinstance(op, MVAU)
    pe, simd = int(s.params["PE"]), int(s.params["SIMD"])
    # (MW, MH) to [nf*SF + sf][p][s]
    words = op.weights.reshape(op.mw // simd, simd, op.mh // pe, pe).transpose(2, 0, 3, 1).reshape(-1, pe, simd)
    shape = {**s.numbers("MW", "MH", "SIMD", "PE"), "VECTORS": s.pixels}
    return _accumulating(s, shape, words, "weight of input sf*SIMD + s for output nf*PE + p at [nf*SF + sf][p][s]")


def _vvau(s: _Source) -> _Made:
    op = s.op
    assert isinstance(op, VVAU)
    pe, simd, channels = int(s.params["PE"]), int(s.params.get("SIMD", 1)), int(s.params["CHANNELS"])
    # (K, C) to [f*SF + sf][p][s]
    words = op.weights.reshape(op.mw // simd, simd, channels // pe, pe).transpose(2, 0, 3, 1).reshape(-1, pe, simd)
    shape: Parameters = {"K": op.mw, "CHANNELS": channels, "PE": pe, "SIMD": simd, "WINDOWS": s.pixels}
    layout = "weight of pixel sf*SIMD + s of the window for channel f*PE + p at [f*SF + sf][p][s]"
    return _accumulating(s, shape, words, layout)


def _thresholding(s: _Source) -> _Made:
    op = s.op
    assert isinstance(op, Thresholding)
    pe, channels = int(s.params["PE"]), int(s.params["CHANNELS"])
    stored = thresholding.stored_thresholds(s.graph, op)
    stages = int(stored.shape[1]).bit_length()
    # In the order of the search tree; node 0 does not exist.
    steps = [1 << (stages - 1 - stage) for stage in range(stages)]
    nodes = np.concatenate([stored[:, :1] * 0, *(stored[:, step - 1 :: 2 * step] for step in steps)], axis=1)
    words = nodes.reshape(channels // pe, pe, -1)
    dtype = thresholding.stored_type(stored)
    out = s.graph[op.outputs[0]].dtype
    return _Made(
        {
            "CHANNELS": channels, "PE": pe, "BEATS": s.pixels * channels // pe, "STAGES": stages,
            "OUT_BIAS": op.out_bias, "INPUT": "INPUT", "OUTPUT": "OUTPUT", "THRESHOLD": "THRESHOLD",
        },
        {"INPUT": cpp_type(s.ins[0].dtype), "OUTPUT": cpp_type(out), "THRESHOLD": cpp_type(dtype)},
        Table(
            f"{op.name}_thresholds", dtype, (channels // pe, pe, 1 << stages), table(words),
            "threshold - 1 of channel f*PE + p at [f][p][node of the search tree]",
        ),
        None,
        s.storage,
    )  # fmt: skip


def _swg(s: _Source) -> _Made:
    p = s.numbers("WIDTH", "FOLDS", "H", "W", "KH", "KW", "SH", "SW", "DH", "DW")
    kh, kw, dh, dw, width, folds = (int(p[key]) for key in ("KH", "KW", "DH", "DW", "W", "FOLDS"))
    depth = ((kh - 1) * dh * width + (kw - 1) * dw + 1) * folds
    parameters = {**p, "DEPTHWISE": bool(int(s.params["DEPTHWISE"])), "DEPTH": depth}
    return _Made(parameters, {}, None, depth, s.storage, int(s.params["DEPTH"]))


def _upsample(s: _Source) -> _Made:
    assert isinstance(s.op, UpsampleNearest)
    p = s.numbers("WIDTH", "FOLDS", "W", "ROWS", "COLUMNS")
    depth = int(p["FOLDS"]) * (int(p["W"]) if int(p["ROWS"]) > 1 else 1)
    shape = {"WIDTH": p["WIDTH"], "FOLDS": p["FOLDS"], "H": s.size[0], "W": p["W"]}
    parameters = {**shape, "ROWS": p["ROWS"], "COLUMNS": p["COLUMNS"], "DEPTH": depth}
    return _Made(parameters, {}, None, depth, None, max(depth, 2))


def _depthtospace(s: _Source) -> _Made:
    assert isinstance(s.op, DepthToSpace)
    p = s.numbers("WIDTH", "SEGMENT", "W", "BLOCK")
    segment, w, block = (int(p[key]) for key in ("SEGMENT", "W", "BLOCK"))
    depth = segment * (w * block - 1) + 1 if block > 1 else 1
    shape = {"WIDTH": p["WIDTH"], "SEGMENT": segment, "H": s.size[0], "W": w}
    rtl_ring = (block - 1) * segment * (2 * w - 1) + 2
    return _Made({**shape, "BLOCK": block, "DEPTH": depth}, {}, None, depth, None, rtl_ring)


def _fmpadding(s: _Source) -> _Made:
    return _Made(s.numbers("WIDTH", "FOLDS", "H", "W", "PAD_T", "PAD_L", "PAD_B", "PAD_R"), {})


def _fmpadding_pixel(s: _Source) -> _Made:
    return _Made(s.numbers("WIDTH", "FOLDS", "H", "W", "SH", "SW"), {})


def _channelslice(s: _Source) -> _Made:
    return _Made({**s.numbers("WIDTH", "FOLDS", "START", "STOP"), "PIXELS": s.pixels}, {})


def _in_and_out(s: _Source, out_bits: int) -> dict[str, str]:
    dtype = s.ins[0].dtype
    return {"INPUT": cpp_type(dtype), "OUTPUT": cpp_type(IntType(out_bits, dtype.signed))}


def _pool(s: _Source) -> _Made:
    pe, beats = int(s.params["PE"]), s.graph[s.op.outputs[0]].elements
    parameters: Parameters = {
        "PE": pe, "WINDOW": int(s.params["WINDOW"]), "GROUPS": beats // pe, "SUM": bool(int(s.params["SUM"])),
        "INPUT": "INPUT", "OUTPUT": "OUTPUT",
    }  # fmt: skip
    return _Made(parameters, _in_and_out(s, int(s.params["OUT_BITS"])))


def _globalaccpool(s: _Source) -> _Made:
    parameters: Parameters = {**s.numbers("PE", "FOLDS", "PIXELS"), "INPUT": "INPUT", "OUTPUT": "OUTPUT"}
    return _Made(parameters, _in_and_out(s, int(s.params["OUT_BITS"])))


def _two_inputs(s: _Source) -> dict[str, str]:
    return {f"INPUT{n}": cpp_type(stream.dtype) for n, stream in enumerate(s.ins)}


def _add(s: _Source) -> _Made:
    assert isinstance(s.op, Add)
    beats = s.graph[s.op.outputs[0]].elements // int(s.params["PE"])
    parameters: Parameters = {
        "PE": int(s.params["PE"]), "BEATS": beats, "INPUT0": "INPUT0", "INPUT1": "INPUT1",
        **s.numbers("FACTOR0", "FACTOR1", "OUT_BITS"),
    }  # fmt: skip
    return _Made(parameters, _two_inputs(s))


def _concat(s: _Source) -> _Made:
    assert isinstance(s.op, Concat)
    parameters: Parameters = {
        "SIMD": int(s.params["SIMD"]), "PIXELS": s.pixels, "FOLDS0": int(s.params["FOLDS0"]), "INPUT0": "INPUT0",
        "FOLDS1": int(s.params["FOLDS1"]), "INPUT1": "INPUT1", "OUT_BITS": int(s.params["OUT_BITS"]),
    }  # fmt: skip
    return _Made(parameters, _two_inputs(s))


def _labelselect(s: _Source) -> _Made:
    lanes = "K" if "K" in s.params else "PE"
    parameters: Parameters = {**s.numbers("CLASSES", lanes), "INPUT": "INPUT", **s.numbers("INDEX_BITS")}
    return _Made(parameters, {"INPUT": cpp_type(s.ins[0].dtype)})


_MAKERS = {
    "mvau": _mvau,
    "mvau_dsp": _mvau,
    "vvau": _vvau,
    "thresholding": _thresholding,
    "swg": _swg,
    "upsample": _upsample,
    "depthtospace": _depthtospace,
    "fmpadding": _fmpadding,
    "fmpadding_pixel": _fmpadding_pixel,
    "channelslice": _channelslice,
    "pool": _pool,
    "globalaccpool": _globalaccpool,
    "add": _add,
    "concat": _concat,
    "labelselect": _labelselect,
    "labelselect_topk": _labelselect,
}
"""RTL module to what its HLS twin takes."""
TEMPLATES = {"mvau_dsp": "mvau"}
"""RTL module to the HLS template that does its work, where they are not of one name."""
