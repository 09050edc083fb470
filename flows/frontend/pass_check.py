"""The integers of the network after every FINN pass: a pass that changes them is named."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from flows.errors import VerificationFailed
from flows.frontend.match import FLOAT32_ERROR
from flows.frontend.onnx_file import Array, attributes, describe
from flows.frontend.read_model import Network
from flows.frontend.spec import Layout
from flows.frontend.stairs import Channel, Stairs
from flows.frontend.surgery import Cut
from flows.golden import evaluate
from flows.graph import IntArray, Thresholding

FRAMES = 3
"""Frames that are compared; they are chosen from CANDIDATES, without those where float32 may round either way."""
CANDIDATES = 48
NO_FRAMES = (
    "no integer is compared: in every frame tried, some value lies on a boundary of a quantizer, where float32 may "
    "round either way. What is built is read exactly from the file and does not depend on it"
)


class PassCheck:
    """Frames, what the golden model makes of them, and the comparison with a model between two passes.

    `frames`: int64 (N, *shape), quantized; empty where every candidate has a value on a boundary of a quantizer.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        spec, graph = network.input, network.graph
        frames = _candidates(spec.shape, graph[graph.inputs[0]].lo, graph[graph.inputs[0]].hi)
        values = evaluate(graph, {graph.inputs[0]: spec.arrange(frames)})
        clear = ~_doubtful(network, values)
        chosen = np.flatnonzero(clear)[:FRAMES]
        self.frames = frames[chosen]
        self.values = {name: v[chosen] for name, v in values.items()}
        self.output = network.output.apply(self.values[graph.outputs[0]])
        ones = np.ones_like(self.values[graph.outputs[0]])
        self.step = np.abs(network.output.apply(ones) - network.output.apply(0 * ones))

    def check(self, step: str, model: Any, head: Sequence[Mapping[str, Any]], tail: Sequence[Cut], cut: bool) -> None:
        """Executes `model` after `step`. Raises VerificationFailed naming the pass where an integer differs.

        Says so on standard error (the log) where there is no frame to compare.

        head, tail: what was cut off both ends; `cut`: the input quantizer is among it.
        """
        if not len(self.frames):
            print(f"{step}: {NO_FRAMES}", file=sys.stderr)
        for n, frame in enumerate(self.frames):
            found = _execute(model, self._given(frame, head, cut, model))
            self._compare_quantizers(step, n, model, found)
            y = found[model.graph.output[0].name].astype(np.float64)
            last = model.find_producer(model.graph.output[0].name)
            if last is not None and last.op_type in ("TopK", "LabelSelect"):
                self._compare_label(step, n, y)
                continue
            for node in tail:
                y = node.apply(y)
            self._compare_output(step, n, y)

    def _given(self, frame: IntArray, head: Sequence[Mapping[str, Any]], cut: bool, model: Any) -> Array:
        x = frame[None].astype(np.float64)
        if not cut:
            x = x * self.network.input.scale
        for move in head:
            x = x.transpose(move["perm"]) if move["op"] == "Transpose" else x.reshape(move["shape"])
        return x.reshape(model.get_tensor_shape(model.graph.input[0].name)).astype(np.float32)

    def _compare_label(self, step: str, n: int, y: Array) -> None:
        """The index of the largest score; of equal ones the lowest."""
        expected = int(np.argmax(self.output[n].ravel()))
        if int(y.ravel()[0]) != expected:
            raise VerificationFailed(
                f"front end: pass {step} changes the network: frame {n}: expected label {expected}, got "
                f"{y.ravel()[0]:g}"
            )

    def _compare_output(self, step: str, n: int, y: Array) -> None:
        expected, size = self.output[n], self.step[n]
        given = y.reshape(expected.shape)
        # One step is one integer; beyond float32's digits, and for constant channels, there are none to compare.
        known = (size > 0) & (np.abs(expected) < size * (1 << 20))
        steps = np.rint(np.where(known, (given - expected) / np.where(size > 0, size, 1), 0))
        if np.any(steps) or not np.isfinite(given).all():
            at = tuple(int(i) for i in np.argwhere((steps != 0) | ~np.isfinite(given))[0])
            raise VerificationFailed(
                f"front end: pass {step} changes the network: frame {n}, output {at}: expected {expected[at]:.9g}, got "
                f"{given[at]:.9g}"
            )

    def _compare_quantizers(self, step: str, n: int, model: Any, found: Mapping[str, Array]) -> None:
        """Every quantizer's codes must come out of some MultiThreshold (Thresholding) node, if there are as many."""
        layouts = [layout for layout in self.network.layouts if layout is not None]
        nodes = [node for node in model.graph.node if node.op_type in ("MultiThreshold", "Thresholding")]
        inner = [layout for layout in layouts if layout.tensor in self.network.steps]
        if len(nodes) not in (len(layouts), len(inner)) or len(layouts) != len(self.network.layouts):
            return
        made = [_codes(node, found[node.output[0]]) for node in nodes]
        for layout in inner:
            expected = self._passed(layout, n)
            for variant in (expected, expected.transpose(2, 0, 1)):
                match = next((i for i, m in enumerate(made) if np.array_equal(m, variant.ravel())), None)
                if match is not None:
                    break
            if match is not None:
                del made[match]
            elif any(m.size == expected.size for m in made):
                names = ", ".join(describe(node) for node in nodes)
                raise VerificationFailed(
                    f"front end: pass {step} changes the network: frame {n}: the integers of {layout.tensor} come "
                    f"out of none of its quantizers ({names})"
                )

    def _passed(self, layout: Layout, n: int) -> IntArray:
        """How many boundaries each value passed, (H, W, C) in the file's order of channels."""
        _, stairs = self.network.steps[layout.tensor]
        double = len(stairs[0].boundaries) == 2 and stairs[0].boundaries[0] == stairs[0].boundaries[1]
        counts = (self.values[layout.tensor][n] - stairs[0].lo) // (2 if double else 1)
        placed: IntArray = np.empty_like(counts)
        placed[:, :, layout.order] = counts
        return placed


def _candidates(shape: tuple[int, ...], lo: int, hi: int) -> IntArray:
    """Extremes, a ramp, noise over the whole range, and noise of extremes, which reaches far sums."""
    rng = np.random.default_rng(0)
    frames = rng.integers(lo, hi + 1, (CANDIDATES, *shape))
    frames[1::2] = rng.choice([lo, hi], (CANDIDATES // 2, *shape))
    ramp = np.linspace(lo, hi, int(np.prod(shape)))
    frames[2] = np.rint(ramp).astype(np.int64).reshape(shape)
    frames[4], frames[6] = lo, hi
    return frames


def _doubtful(network: Network, values: Mapping[str, IntArray]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Frames in which some value lies where float32 may put a threshold on either side of it."""
    frames = next(iter(values.values())).shape[0]
    found = np.zeros(frames, dtype=bool)
    for op in network.graph.of_type(Thresholding):
        channels, stairs = network.steps[op.outputs[0]]
        x = values[op.inputs[0]]
        known: dict[tuple[Channel, int], list[int]] = {}
        for c, (channel, own) in enumerate(zip(channels, stairs, strict=True)):
            places = known.setdefault((channel, id(own)), doubtful_places(channel, own))
            found |= np.isin(x[..., c], places).any(axis=(1, 2))
    return found


def doubtful_places(channel: Channel, stairs: Stairs) -> list[int]:
    """Integers so near to a boundary that float32 may take them for either side."""
    if channel.scale == 0:
        return []
    places = []
    for place, _ in stairs.boundaries:
        at = (place - channel.offset) / channel.scale
        slack = (abs(place) + abs(channel.offset) + channel.affine.terms) / abs(channel.scale) * FLOAT32_ERROR
        nearest = round(at)
        if abs(at - nearest) <= slack or (slack > Fraction(1, 2)):
            places.append(nearest)
    return places


def _codes(node: Any, values: Array) -> IntArray:
    """The number of thresholds that each value passed."""
    options = attributes(node)
    if node.op_type == "MultiThreshold":
        scale, bias = float(options.get("out_scale", 1.0)), float(options.get("out_bias", 0.0))
    elif options.get("outputDataType") == "BIPOLAR":
        scale, bias = 2.0, -1.0
    else:
        scale, bias = 1.0, float(options.get("ActVal", 0))
    return np.rint((values.astype(np.float64) - bias) / scale).astype(np.int64).ravel()


def _execute(model: Any, x: Array) -> dict[str, Array]:
    """Every tensor of a qonnx or FINN model for one frame."""
    from qonnx.core.onnx_exec import execute_onnx

    return dict(execute_onnx(model, {model.graph.input[0].name: x}, return_full_exec_context=True))
