"""The golden model against outputs that the user gives: `verify_input_npy` and `verify_expected_output_npy`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from flows.errors import ConfigError, VerificationFailed
from flows.frontend.spec import Imported, OutputSpec
from flows.golden import evaluate
from flows.graph import IntArray, Shape
from flows.verify import last_sums

Floats = npt.NDArray[np.floating[Any]]
Numbers = npt.NDArray[Any]
"""Float or integer, as the user gives them."""
WHAT = "expected_vs_golden"
INPUT, EXPECTED = "verify_input_npy", "verify_expected_output_npy"
NEAR = 0.25
"""Of a step from one integer's value to the next one's: how near to its own an expected float must be."""


def load_npy(key: str, path: Path, kinds: str = "f") -> Numbers:
    """The array (N, …) in `path`, which the configuration names as `key`, of a dtype of `kinds` (numpy's letters).

    Raises ConfigError where there is none, or one of another kind, without frames, or with values that are not finite.
    """
    try:
        array = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise ConfigError(f"{key}: no file {path}") from None
    except (OSError, EOFError, ValueError) as error:
        raise ConfigError(f"{key}: cannot read {path} as an array ({error}); write it with numpy.save") from None
    if not isinstance(array, np.ndarray):
        raise ConfigError(f"{key}: {path} is an archive of several arrays; write one array with numpy.save")
    if array.dtype.kind not in kinds:
        raise ConfigError(f"{key}: {path} holds {array.dtype}; the network's values are float: give them as float32")
    if array.ndim < 2 or not len(array):
        raise ConfigError(f"{key}: {path} has shape {array.shape}; give one frame or more, (frames, …)")
    if not np.isfinite(array).all():
        raise ConfigError(f"{key}: {path} holds NaN or infinite values")
    return array


def load_input(path: Path, imported: Imported) -> Floats:
    """Frames (N, *shape) as the ONNX graph takes them. Raises ConfigError where they do not fit it."""
    x = load_npy(INPUT, path)
    if x.shape[1:] != imported.input.shape:
        wanted = imported.input.shape
        raise ConfigError(f"{INPUT}: {path} has frames of shape {x.shape[1:]}, the network takes {wanted}")
    return x


def load_expected(path: Path, imported: Imported, frames: int) -> Numbers:
    """What the ONNX graph gives for `frames` frames, (N, …). Raises ConfigError where it does not fit the network."""
    y = load_npy(EXPECTED, path, "fiu")
    if len(y) != frames:
        raise ConfigError(f"{EXPECTED}: {path} has {len(y)} frames, {INPUT} has {frames}")
    legal = [imported.output.shape]
    if imported.output.label_select:
        legal = [(imported.graph[last_sums(imported.graph)].elements,), (1,)]
    if not any(_same(y.shape[1:], shape) for shape in legal):
        raise ConfigError(f"{EXPECTED}: {path} has frames of shape {y.shape[1:]}, the network gives {legal[0]}")
    return y


def _same(given: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Equal but for ones at the end: (10, 1, 1) is (10,)."""
    return given[: len(wanted)] == wanted and all(n == 1 for n in given[len(wanted) :])


def expected_vs_golden(imported: Imported, x: Floats, expected: Numbers) -> dict[str, Any]:
    """Compares the integers that the values `expected` (N, …) stand for with the golden model's for the frames `x`.

    With label selection, the index of each frame's largest score. Returns {"frames", "mismatches", "tensors"}.
    Raises VerificationFailed naming the first frame and element that differ, ConfigError where floats are too coarse to
    tell the integers apart.
    """
    graph = imported.graph
    name = graph.outputs[0]
    made = evaluate(graph, {graph.inputs[0]: imported.input.quantize(x)})[name]
    if imported.output.label_select:
        scores, chosen = expected.reshape(len(expected), -1), made.reshape(-1)
        labels = scores.argmax(axis=1) if scores.shape[1] > 1 else scores[:, 0]
        _require_equal(labels, chosen, labels, chosen)
    else:
        got = made.transpose(0, 3, 1, 2).reshape(expected.shape)
        wanted = integers(imported.output, expected, graph[name].shape, got)
        _require_equal(wanted, got, expected, imported.output.apply(made).reshape(expected.shape))
    return {"frames": len(x), "mismatches": 0, "tensors": [name]}


def _require_equal(wanted: Numbers, got: IntArray, expected: Numbers, value: Numbers) -> None:
    """Raises VerificationFailed unless `wanted` are the integers `got`; `expected` and `value` are as floats."""
    wrong = np.argwhere(np.abs(wanted - got) > NEAR)
    if len(wrong):
        at = tuple(wrong[0])
        frame, *index = (int(i) for i in at)
        where = f"frame {frame}" + (f", element {tuple(index)}" if index else "")
        raise VerificationFailed(
            f"{WHAT}: {len(wrong)} of {got.size} elements differ; the first is {where}: expected {expected[at]:.9g}, "
            f"got {value[at]:.9g} (as integers {wanted[at]:.6g} and {got[at]}). Float32 may round what lies on a "
            f"boundary the other way: compute {EXPECTED} in float64"
        )


def integers(output: OutputSpec, values: Numbers, shape: Shape, constant: IntArray) -> Numbers:
    """The graph's output integers that the host's steps make `values` (N, …) of, in their order and shape.

    float64, as near to integers as `values` are to the network's. shape: (H, W, C) of the graph's output. constant:
    what is taken where the scale is 0, so that all integers give one value. Raises ConfigError where values are too
    large for their type to tell the integers apart.
    """
    h, w, c = shape
    scale, offset = np.ones(c), np.zeros(c)
    for step in output.steps:
        scale, offset = (scale * step.value, offset * step.value) if step.op == "Mul" else (scale, offset + step.value)
    size, base = (
        np.broadcast_to(v[:, None, None], (len(values), c, h, w)).reshape(values.shape) for v in (scale, offset)
    )
    if values.dtype.kind == "f" and np.any((np.abs(np.spacing(values)) > NEAR * np.abs(size)) & (size != 0)):
        raise ConfigError(f"{EXPECTED}: {values.dtype} cannot tell the output's integers apart; give float64")
    steps = (values.astype(np.float64) - base) / np.where(size == 0, np.spacing(base.astype(np.float32)) / NEAR, size)
    return np.where(size == 0, steps + constant, steps)
