"""The contract folder: model.onnx, vectors.npz and training.json, each checked before it counts."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from a2qplus_train.certificate import LayerCertificate, certify_layer
from a2qplus_train.config import TrainConfig
from a2qplus_train.data import Split
from a2qplus_train.freeze import freeze, integer_weights, weight_layers
from a2qplus_train.onnx_file import FileLayer, compare_weights, read_layers, write_qonnx
from a2qplus_train.plan import IMAGE_SHAPES, LayerPlan, plan
from a2qplus_train.vectors import Vectors, record
from flows.errors import VerificationFailed

SCHEMA_VERSION = 1
VERSIONED = ("torch", "brevitas", "onnx", "numpy", "scikit-learn")


def export(
    quantized: nn.Module,
    float_model: nn.Module,
    config: TrainConfig,
    test: Split,
    history: list[dict[str, float | int | str]],
    folder: Path,
) -> None:
    """Write the three contract files of a trained network into the existing `folder`.

    `test` is the whole held-out split; this is the one place that looks at it.

    Raises VerificationFailed (exported weights or integers are not the quantizer's) or AccumulatorOverflow (a channel
    does not fit the width it was trained for).
    """
    shape = IMAGE_SHAPES[config.dataset]
    layers = plan(config)
    frozen = freeze(quantized, torch.zeros((1, *shape)))
    write_qonnx(frozen, shape, folder / "model.onnx")
    in_file = read_layers(folder / "model.onnx")
    certificates = check_layers(frozen, layers, in_file)
    vectors = record(frozen, test.images, test.labels)
    np.savez_compressed(folder / "vectors.npz", allow_pickle=False, **vectors.arrays)
    with torch.no_grad():
        float_scores = float_model.double().eval()(torch.from_numpy(test.images)).numpy()
    float_model.float()
    shown = vectors.arrays["output"] if config.label_select else vectors.scores
    metrics = {
        "float_metric": accuracy(float_scores, test.labels),
        "quant_metric": accuracy(shown, test.labels),
    }
    about = describe(config, layers, in_file, certificates, vectors, metrics, history)
    (folder / "training.json").write_text(json.dumps(about, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def check_layers(frozen: nn.Module, layers: tuple[LayerPlan, ...], in_file: list[FileLayer]) -> list[LayerCertificate]:
    """Compare the file's integer weights with the quantizer's, layer by layer, and certify them.

    Raises VerificationFailed or AccumulatorOverflow.
    """
    modules = weight_layers(frozen)
    if len(in_file) != len(layers) or list(modules) != [layer.name for layer in layers]:
        raise VerificationFailed(f"model.onnx has {len(in_file)} layers with weights, the network {len(layers)}")
    certificates = []
    for layer, found in zip(layers, in_file, strict=True):
        compare_weights(layer.name, found.weights, integer_weights(modules[layer.name]).numpy())
        certificates.append(certify_layer(layer, found.weights, layer.input_bits, False))
    return certificates


def accuracy(scores: NDArray[Any], labels: NDArray[np.int64]) -> float:
    """Top-1 accuracy in percent. scores: (N, classes); the lowest index wins a tie, as argmax on the FPGA does."""
    return 100.0 * float((scores.argmax(axis=1) == labels).mean())


def describe(
    config: TrainConfig,
    layers: tuple[LayerPlan, ...],
    in_file: list[FileLayer],
    certificates: list[LayerCertificate],
    vectors: Vectors,
    metrics: dict[str, float],
    history: list[dict[str, float | int | str]],
) -> dict[str, Any]:
    """Return the content of training.json: no timestamps, no machine paths, so that equal runs give equal bytes."""
    first = vectors.activations[0]
    return {
        "schema_version": SCHEMA_VERSION,
        "dataset": config.dataset,
        "model": config.model,
        "method": config.method,
        "seed": config.seed,
        "split": "test",
        "metric": "accuracy",
        **metrics,
        "input": {
            "shape": list(IMAGE_SHAPES[config.dataset]),
            "bits": first.bits,
            "signed": first.signed,
            "narrow": False,
            "scale": first.scale,
            "zero_point": 0,
        },
        "layers": [
            {
                "name": layer.name,
                "op": found.op,
                "weight_bits": layer.weight_bits,
                "input_bits": layer.input_bits,
                "input_signed": False,
                "accumulator_bits": layer.accumulator_bits,
                "method": layer.method,
                "exact_bits": certificate.exact_bits,
                "sparsity": certificate.sparsity,
                "l1_max": int(certificate.l1.max()),
            }
            for layer, found, certificate in zip(layers, in_file, certificates, strict=True)
        ],
        "activations": [
            {"key": a.key, "bits": a.bits, "signed": a.signed, "scale": a.scale} for a in vectors.activations
        ],
        "versions": {name: version(name) for name in VERSIONED},
        "config": config.model_dump(mode="json"),
        "history": history,
    }
