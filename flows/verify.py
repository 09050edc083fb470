"""The golden model against Brevitas: every quantized tensor of the whole test split, integer by integer."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from flows.compare import require_equal
from flows.errors import ConfigError, VerificationFailed
from flows.frontend.spec import Imported
from flows.golden import evaluate
from flows.graph import Graph, IntArray, LabelSelect

Vectors = Mapping[str, npt.NDArray[Any]]
WHAT = "brevitas_vs_golden"


def load_vectors(path: Path) -> Vectors:
    """`vectors.npz` of a training folder (no pickle). Raises ConfigError when it is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except (OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise ConfigError(f"cannot read the test vectors {path}: {error}; train again") from None
    except ValueError:
        raise ConfigError(f"{path} is no archive of arrays; train again") from None


def brevitas_vs_golden(imported: Imported, vectors: Vectors, training: Mapping[str, Any] | None) -> dict[str, Any]:
    """Compares every quantized activation, the last layer's sums, and the accuracy that `training` reports.

    Returns {"frames", "mismatches", "tensors"}. Raises VerificationFailed at the first layer that differs,
    ConfigError when the vectors do not belong to the network.
    """
    graph = imported.graph
    _check_vectors(vectors, imported, training)
    golden = evaluate(graph, {graph.inputs[0]: imported.input.quantize(vectors["input"])})
    compared = []
    for key in sorted((k for k in vectors if k.startswith("quant/")), key=_number):
        tensor = imported.quant_tensors.get(_number(key))
        if tensor is None:
            raise ConfigError(f"the test vectors hold {key}, which the network does not have; train again")
        producer = graph.producer(tensor)
        layer = f"{producer.name if producer else 'input quantizer'} ({key})"
        require_equal(WHAT, layer, imported.arrange(_number(key), vectors[key]), golden[tensor])
        compared.append(tensor)
    sums = last_sums(graph)
    require_equal(WHAT, f"{sums} (output)", imported.arrange_sums(vectors["output"]), golden[sums])
    frames = len(vectors["input"])
    # The accuracy is that of the whole test split, which the vectors need not hold.
    whole = training is not None and training.get("test_frames", frames) == frames
    if training is not None and whole and training["metric"] == "accuracy":
        _check_accuracy(imported, golden, vectors["labels"], training["quant_metric"])
    return {"frames": frames, "mismatches": 0, "tensors": [*compared, sums]}


def _check_vectors(vectors: Vectors, imported: Imported, training: Mapping[str, Any] | None) -> None:
    """Raises ConfigError where an array is missing, of another type, or of another number of frames."""
    needed = ["input", "output", *(["labels"] if training is not None and training["metric"] == "accuracy" else [])]
    for name in needed:
        if name not in vectors:
            raise ConfigError(f"the test vectors hold no {name!r}; train again")
    frames = len(vectors["input"])
    for name, array in vectors.items():
        kinds = "f" if name == "input" else "iu"
        if array.ndim == 0 or len(array) != frames or (name in needed and array.dtype.kind not in kinds):
            raise ConfigError(
                f"the test vectors' {name!r} is {array.dtype} {array.shape} for {frames} frames; train again"
            )
    if tuple(vectors["input"].shape[1:]) != tuple(imported.input.shape):
        raise ConfigError(
            f"the test vectors' input is {vectors['input'].shape[1:]}, the network takes {imported.input.shape}; "
            "train again"
        )


def _number(key: str) -> int:
    return int(key.split("/")[1])


def last_sums(graph: Graph) -> str:
    """The tensor of the network's own output: before LabelSelect, where there is one."""
    producer = graph.producer(graph.outputs[0])
    return producer.inputs[0] if isinstance(producer, LabelSelect) else graph.outputs[0]


def _check_accuracy(
    imported: Imported, golden: Mapping[str, IntArray], labels: npt.NDArray[np.int64], reported: float
) -> None:
    out = golden[imported.graph.outputs[0]]
    if imported.output.label_select:
        classes = out.reshape(-1)
    else:
        classes = imported.output.apply(out).reshape(len(out), -1).argmax(axis=1)
    accuracy = 100.0 * float(np.mean(classes == labels))
    if abs(accuracy - reported) > 1e-9:
        raise VerificationFailed(f"{WHAT}: the integer model is right in {accuracy} %, training reported {reported} %")
