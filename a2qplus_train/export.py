"""The contract folder: model.onnx, vectors.npz and training.json, each checked before it counts."""

from __future__ import annotations

import copy
import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from a2qplus_train.certificate import LayerCertificate, certify_layer
from a2qplus_train.config import TrainConfig
from a2qplus_train.data import Split
from a2qplus_train.freeze import freeze, integer_weights, weight_layers
from a2qplus_train.models import Network
from a2qplus_train.onnx_file import FileLayer, compare_weights, read_layers, write_qonnx
from a2qplus_train.plan import LayerPlan
from a2qplus_train.tasks import task_of
from a2qplus_train.vectors import Vectors, outputs_of, record, scores_of
from flows.errors import VerificationFailed

SCHEMA_VERSION = 1
VERSIONED = ("torch", "brevitas", "onnx", "numpy", "scikit-learn")


def export(
    quantized: Network,
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
    frozen = freeze(quantized, torch.zeros((1, *config.image_shape)))
    write_qonnx(frozen, config.image_shape, folder / "model.onnx")
    in_file = read_layers(folder / "model.onnx")
    certificates = check_layers(frozen, quantized.plan, in_file)
    frames = config.vector_frames
    vectors = record(frozen, test.images[:frames], test.labels[:frames])
    np.savez_compressed(folder / "vectors.npz", allow_pickle=False, **vectors.arrays)
    metrics = measure(config, float_model, frozen, vectors, test)
    about = describe(config, quantized.plan, in_file, certificates, vectors, metrics, history)
    (folder / "training.json").write_text(json.dumps(about, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def measure(
    config: TrainConfig, float_model: nn.Module, frozen: nn.Module, vectors: Vectors, test: Split
) -> dict[str, Any]:
    """Return the figures of both networks over the whole test split, the task's own one as float_ and quant_metric.

    With label select the scores are the accumulators, as argmax on the FPGA sees them: one scale serves all of them.
    """
    task = task_of(config)
    float_scores = scores_of(copy.deepcopy(float_model).double().eval(), test.images)
    output, scores = vectors.arrays["output"], vectors.scores
    done = len(scores)
    if done < len(test):
        rest = outputs_of(frozen, test.images, start=done)
        output, scores = np.concatenate([output, rest[0]]), np.concatenate([scores, rest[1]])
    shown = output if config.classes is not None and config.label_select else scores
    of_float, of_quant = task.figures(float_scores, test), task.figures(shown, test)
    return {
        "metric": task.metric,
        "test_frames": len(test),
        "float_metric": of_float[task.metric],
        "quant_metric": of_quant[task.metric],
        "float_figures": of_float,
        "quant_figures": of_quant,
    }


def check_layers(frozen: nn.Module, layers: tuple[LayerPlan, ...], in_file: list[FileLayer]) -> list[LayerCertificate]:
    """Compare the file's integer weights with the quantizer's, layer by layer, and certify them.

    Raises VerificationFailed or AccumulatorOverflow.
    """
    modules = weight_layers(frozen)
    if len(in_file) != len(layers) or set(modules) != {layer.name for layer in layers}:
        raise VerificationFailed(f"model.onnx has {len(in_file)} layers with weights, the network {len(layers)}")
    certificates = []
    for layer, found in zip(layers, in_file, strict=True):
        compare_weights(layer.name, found.weights, integer_weights(modules[layer.name]).numpy())
        certificates.append(certify_layer(layer, found.weights, layer.input_bits, layer.input_signed))
    return certificates


def describe(
    config: TrainConfig,
    layers: tuple[LayerPlan, ...],
    in_file: list[FileLayer],
    certificates: list[LayerCertificate],
    vectors: Vectors,
    metrics: dict[str, Any],
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
        **metrics,
        "input": {
            "shape": list(config.image_shape),
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
                "input_signed": layer.input_signed,
                "accumulator_bits": layer.accumulator_bits,
                "method": layer.method,
                "exact_bits": certificate.exact_bits,
                "sparsity": certificate.sparsity,
                "weights": layer.outputs * layer.fan_in,
                "l1_max": int(certificate.l1.max()),
            }
            for layer, found, certificate in zip(layers, in_file, certificates, strict=True)
        ],
        "vector_frames": len(vectors.scores),
        "activations": [
            {"key": a.key, "bits": a.bits, "signed": a.signed, "scale": a.scale} for a in vectors.activations
        ],
        "versions": {name: version(name) for name in VERSIONED},
        "config": config.model_dump(mode="json", exclude={"data_dir"}),
        "history": history,
    }
