"""Chooses PE and SIMD of every layer, from the configuration, FINN's folding JSON, or a target rate."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from flows.config import LayerFolding, suggestion
from flows.design import Fold, Folding
from flows.errors import ConfigError, InfeasibleFolding
from flows.folding_search import cheapest
from flows.graph import MVAU, VVAU, ConvolutionInputGenerator, Flatten, Graph, Op, Pool, Weighted
from flows.kernels import implementation, mvau_sparse
from flows.kernels.registry import kernel_of

LANES_ONLY_SIMD = (
    "FMPadding", "ConvolutionInputGenerator", "FMPaddingPixel", "Concat", "ChannelSlice", "UpsampleNearest",
    "DepthToSpace",
)  # fmt: skip
"""Operators that move data: FINN calls their lanes SIMD."""
LANES_BOTH = ("MVAU", "VVAU", "Pool")
"""Operators with PE and SIMD; all others have PE only. (FINN's Pool has PE only; here SIMD is pixels of its window.)"""


DEFAULT_CLOCK_NS = 10.0
"""What registers are placed for where a request names no clock."""


@dataclass(frozen=True)
class Request:
    """What the user asked for, by layer: the folding, and FIFO depths where given (FINN's in/outFIFODepths).

    `skip_zeros`: MVAUs that nothing is said about may skip tiles of zero weights, but for those in `dense`.
    """

    layers: Mapping[str, LayerFolding]
    target_cycles: int | None = None
    clock_ns: float | None = None
    skip_zeros: bool = False
    dense: tuple[str, ...] = ()


def request(
    layers: Mapping[str, LayerFolding], file: Path | None, target_fps: int | None, clock_ns: float,
    skip_zeros: bool = False,
) -> Request:  # fmt: skip
    """Merges the inline folding (which wins) with FINN's folding file. Raises ConfigError on a broken file."""
    merged = {**(read_finn_json(file) if file else {}), **layers}
    cycles = None if target_fps is None else int(1e9 / clock_ns // target_fps)
    if cycles is not None and cycles < 1:
        raise InfeasibleFolding(f"target_fps = {target_fps} is more than one frame a clock cycle of {clock_ns} ns")
    return Request(merged, cycles, clock_ns, skip_zeros)


def read_finn_json(path: Path) -> dict[str, LayerFolding]:
    """A folding file as FINN writes and reads it: {"Defaults": {...}, "MVAU_0": {"PE": 2, "SIMD": 4, ...}, ...}."""
    try:
        raw: Any = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"folding_config_file: no file {path}") from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"folding_config_file {path}: {error}") from None
    if not isinstance(raw, dict) or not all(isinstance(v, dict) for v in raw.values()):
        raise ConfigError(f"folding_config_file {path}: expected {{layer: {{key: value}}}}")
    if raw.pop("Defaults", {}):
        raise ConfigError(f"folding_config_file {path}: a non-empty 'Defaults' is not supported; name the layers")
    layers = {}
    for name, keys in raw.items():
        try:
            layers[name] = LayerFolding.model_validate(keys)
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(map(str, first["loc"]))
            hint = suggestion(key, LayerFolding.model_fields) if first["type"] == "extra_forbidden" else ""
            raise ConfigError(f"folding_config_file {path}: {name}.{key}: {first['msg']}{hint}") from None
    return layers


def choose(graph: Graph, asked: Request, logic: bool = True) -> Folding:
    """A legal folding of every operator that has hardware.

    Named layers get what was asked. The others get what costs least (`flows.folding_search`) within the target cycles;
    without `target_fps`, within the slowest of the named layers, and then every MVAU and VVAU must be named.
    `logic`: whether it is also looked at which layers are cheaper as logic, which takes long.
    Raises InfeasibleFolding and ConfigError, naming the layer, the value and what is legal.
    """
    ops = {op.name: op for op in graph.ops if not isinstance(op, Flatten)}
    for name in asked.layers:
        if name not in ops:
            raise ConfigError(f"folding: no layer {name!r} in this network{suggestion(name, ops)}")
        _impl(ops[name], asked.layers[name])
    folding = {name: _explicit(graph, ops[name], keys) for name, keys in asked.layers.items() if _folds(keys)}
    target = asked.target_cycles
    if target is None:
        missing = [op.name for op in graph.of_type(Weighted) if op.name not in folding]
        if missing:
            raise ConfigError(
                f"folding: nothing is said about {', '.join(missing)}; give PE and SIMD in 'folding' or in a "
                "'folding_config_file', or set 'target_fps'"
            )
        target = max(cycles(graph, ops[name], fold) for name, fold in folding.items())
    _require_reachable(graph, ops, folding, target, asked)
    for op in ops.values():
        if op.name not in folding:
            folding[op.name] = _cheapest(graph, op, folding, target, asked)
    free = [name for name in ops if name not in asked.layers]
    clock = asked.clock_ns or DEFAULT_CLOCK_NS

    def as_logic(op: Op, fold: Fold, bound: float) -> Fold | None:
        keys = asked.layers.get(op.name)
        if not logic or (keys is not None and keys.impl not in (None, "auto", "const")):
            return None
        return implementation.as_logic(graph, op, fold, clock, bound)

    folding = dict(cheapest(graph, folding, free, target, lambda op: _legal(graph, op, asked), as_logic))
    for op in ops.values():
        _check_window(graph, op, folding)
    chosen = {name: replace(folding[name], **_options(ops[name], asked.layers.get(name))) for name in ops}
    if not logic:
        return chosen
    return {name: implementation.choose(graph, ops[name], fold, clock) for name, fold in chosen.items()}


def refused(graph: Graph, asked: Request) -> int:
    """How many of the PE and SIMD that are asked for do not fit the shapes of `graph`."""
    count = 0
    for name, keys in asked.layers.items():
        op = next((op for op in graph.ops if op.name == name and not isinstance(op, Flatten)), None)
        if op is None or not _folds(keys):
            continue
        whole = keys.parallel_window == 1
        for fold in (Fold(keys.PE or 1, 1), Fold(1, keys.SIMD or 1, parallel_window=whole and keys.SIMD is not None)):
            try:
                cycles(graph, op, fold)
            except InfeasibleFolding:
                count += 1
        count += isinstance(op, MVAU) and keys.impl == "const" and (op.mh, op.mw) != (keys.PE, keys.SIMD)
    return count


def cycles(graph: Graph, op: Op, fold: Fold) -> int:
    """Cycles of one frame: max(input beats, output beats, work beats)."""
    first, *more = (graph[name].dtype for name in op.inputs)
    low = kernel_of(op).lower(graph, op, fold, first, _any_widths(op), *more)
    beats_in = graph[op.inputs[0]].elements // low.in_lanes
    return max(beats_in, graph[op.outputs[0]].elements // low.out_lanes, low.work_beats)


def slowest_cycles(graph: Graph) -> int:
    """Cycles of the slowest operator when nothing is unrolled."""
    ops = [op for op in graph.ops if not isinstance(op, Flatten)]
    return max(cycles(graph, op, kernel_of(op).legal(graph, op)[0]) for op in ops)


def _require_reachable(
    graph: Graph, ops: Mapping[str, Op], chosen: Mapping[str, Fold], target: int, asked: Request
) -> None:
    """Raises InfeasibleFolding naming the layer that limits the rate where `target` cycles are too few for it."""
    best = {
        op.name: min(cycles(graph, op, fold) for fold in _legal(graph, op, asked))
        for op in ops.values() if op.name not in chosen
    }  # fmt: skip
    if not best or max(best.values()) <= target:
        return
    slowest = max(best, key=best.__getitem__)
    need = best[slowest]
    rate = (
        "" if asked.clock_ns is None else f", which is {1e9 / asked.clock_ns / need:,.1f} frames/s, the best there is"
    )
    raise InfeasibleFolding(
        f"{slowest} ({ops[slowest].kind}) needs {need} cycles a frame at full parallelism{rate}, more than the "
        f"{target} that the target allows; lower target_fps or shorten synth_clk_period_ns"
    )


def _any_widths(op: Op) -> tuple[int, ...] | None:
    return (32,) * op.mh if isinstance(op, Weighted) else None


def _folds(keys: LayerFolding) -> bool:
    return keys.PE is not None or keys.SIMD is not None or keys.parallel_window == 1


def _explicit(graph: Graph, op: Op, keys: LayerFolding) -> Fold:
    if op.kind not in LANES_BOTH:
        unused = "PE" if op.kind in LANES_ONLY_SIMD else "SIMD"
        if (getattr(keys, unused) or 1) != 1:
            raise ConfigError(f"folding: {op.name} ({op.kind}) has no {unused}")
    whole = keys.parallel_window == 1
    if whole and not isinstance(op, ConvolutionInputGenerator):
        raise ConfigError(f"folding: {op.name} ({op.kind}) has no parallel_window; its sliding window may have it")
    simd = keys.SIMD or (graph[op.inputs[0]].shape[2] if whole else 1)
    fold = Fold(keys.PE or 1, simd, parallel_window=whole, impl=_impl(op, keys) or "auto")
    cycles(graph, op, fold)  # the kernel refuses an illegal one
    return fold


def _impl(op: Op, keys: LayerFolding | None) -> str | None:
    return implementation.requested(op, keys.impl, keys.resType) if keys is not None else None


def _options(op: Op, keys: LayerFolding | None) -> dict[str, Any]:
    """FINN's implementation keys: honoured or refused, never ignored."""
    if keys is None:
        return {}
    allowed = {
        "ram_style": ("auto", "distributed", "block"),
        "mem_mode": ("internal_embedded",),
        "parallel_window": (0, 1),
    }
    for key, values in allowed.items():
        value = getattr(keys, key)
        if value is not None and value not in values:
            raise ConfigError(f"folding: {key} = {value!r} is not supported; supported: {', '.join(map(str, values))}")
    found = {"ram_style": keys.ram_style, "impl": _impl(op, keys)}
    return {key: value for key, value in found.items() if value is not None}


def _legal(graph: Graph, op: Op, asked: Request) -> tuple[Fold, ...]:
    """The foldings that the request does not forbid."""
    legal, keys = kernel_of(op).legal(graph, op), asked.layers.get(op.name)
    impl = _impl(op, keys)
    if impl == "dsp":
        legal = tuple(replace(fold, impl=impl) for fold in legal)
    skips = asked.skip_zeros and op.name not in asked.dense
    if isinstance(op, MVAU) and (impl == "sparse" or skips):
        legal = (*legal, *mvau_sparse.legal(op, legal))
    if keys is not None and keys.parallel_window == 0:
        legal = tuple(f for f in legal if not f.parallel_window)
    return legal if impl is None else tuple(f for f in legal if implementation.allowed(op, f, impl))


def _cheapest(graph: Graph, op: Op, chosen: Mapping[str, Fold], target: int, asked: Request) -> Fold:
    legal = _legal(graph, op, asked)
    forced = _window_lanes(graph, op, chosen)
    legal = tuple(f for f in legal if forced is None or f.pe == forced)
    timed = [(fold, cycles(graph, op, fold)) for fold in legal]
    fast = [fold for fold, n in timed if n <= target]
    if not fast:
        best = min(n for _, n in timed)
        raise InfeasibleFolding(
            f"{op.name} ({op.kind}) needs {best} cycles a frame at full parallelism, more than the {target} that the "
            "target allows; lower target_fps or shorten synth_clk_period_ns"
        )
    return min(fast, key=partial(_cost, graph, op, chosen))


def _cost(graph: Graph, op: Op, chosen: Mapping[str, Fold], fold: Fold) -> tuple[int, bool, bool, int]:
    """Least parallel first; among equals the one whose input needs no width converter with an odd ratio.

    Skipping zeros costs memory, for the places of the others, so it must save lanes.
    """
    source = graph.producer(op.inputs[0])
    while isinstance(source, Flatten):
        source = graph.producer(source.inputs[0])
    lanes_in = fold.simd if op.kind in (*LANES_ONLY_SIMD, "MVAU") else fold.pe
    given, lanes = None, fold.pe * fold.simd * _pixels(op, fold)
    if source is not None and source.name in chosen:
        before = chosen[source.name]
        given = before.simd * _pixels(source, before) if source.kind in LANES_ONLY_SIMD else before.pe
    awkward = given is not None and given % lanes_in != 0 and lanes_in % given != 0
    return lanes, awkward, fold.impl == "sparse", fold.pe


def _pixels(op: Op, fold: Fold) -> int:
    """Of a window, that a sliding window gives in one beat."""
    return math.prod(op.kernel) if isinstance(op, ConvolutionInputGenerator) and fold.parallel_window else 1


def _window_lanes(graph: Graph, op: Op, chosen: Mapping[str, Fold]) -> int | None:
    """A Pool or VVAU takes as many channels at a time as the window before it: nothing reorders their stream."""
    if not isinstance(op, Pool | VVAU):
        return None
    source = graph.producer(op.inputs[0])
    return chosen[source.name].simd if source is not None and source.name in chosen else None


def _check_window(graph: Graph, op: Op, folding: Folding) -> None:
    lanes = _window_lanes(graph, op, folding)
    if lanes is not None and lanes != folding[op.name].pe:
        source = graph.producer(op.inputs[0])
        assert source is not None
        raise InfeasibleFolding(
            f"{op.name}: PE = {folding[op.name].pe} must equal SIMD = {lanes} of {source.name}, whose windows it reads"
        )


def to_finn_json(folding: Folding, graph: Graph, depths: Mapping[str, tuple[int, int]] | None = None) -> str:
    """The folding as FINN's JSON; `depths` {layer: (input FIFO, output FIFO)} adds FINN's FIFO keys."""
    layers: dict[str, Any] = {"Defaults": {}}
    for op in graph.ops:
        if op.name not in folding:
            continue
        fold = folding[op.name]
        keys: dict[str, Any] = {}
        if op.kind not in LANES_ONLY_SIMD:
            keys["PE"] = fold.pe
        if op.kind in LANES_ONLY_SIMD or op.kind in LANES_BOTH:
            keys["SIMD"] = fold.simd
        if op.kind in ("MVAU", "VVAU", "ConvolutionInputGenerator"):
            keys["ram_style"] = fold.ram_style
        if op.kind in ("MVAU", "VVAU"):
            keys |= {"mem_mode": "internal_embedded", "resType": "dsp" if fold.impl == "dsp" else "lut"}
        if fold.impl not in ("auto", "dsp"):
            keys["impl"] = fold.impl
        if isinstance(op, ConvolutionInputGenerator):
            keys["parallel_window"] = int(fold.parallel_window)
        if depths is not None:
            keys["inFIFODepths"], keys["outFIFODepths"] = [depths[op.name][0]], [depths[op.name][1]]
        layers[op.name] = keys
    return json.dumps(layers, indent=2) + "\n"
