"""The front end's street: QONNX file, FINN's passes, FINN's hardware graph, typed graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx

from flows.errors import ConfigError
from flows.frontend.finn_export import write_exact
from flows.frontend.hardware import read_hardware
from flows.frontend.host import input_spec, output_spec
from flows.frontend.onnx_file import GraphView, read_onnx
from flows.frontend.read_chain import read_chain
from flows.frontend.runner import STEP_LIMIT_S, Progress, run_passes
from flows.frontend.spec import Imported
from flows.frontend.training import trained_bits

MODELS = "intermediate_models"
"""Folder below `work` for the ONNX model after every step."""
HARDWARE = "hardware.onnx"
"""Below MODELS: FINN's hardware graph with exact thresholds and accumulators, what `write_finn_model` starts from."""
LOG = "frontend.log"
"""Below `work`: everything that FINN and qonnx print."""


def import_model(
    path: Path,
    *,
    training: Mapping[str, Any] | None,
    label_select: bool,
    work: Path,
    progress: Progress | None = None,
    name: str | None = None,
    step_limit_s: float = STEP_LIMIT_S,
) -> Imported:
    """Imports the QONNX model `path`. Writes below `work` only: MODELS and LOG.

    training: the content of training.json, None for a network trained elsewhere. label_select: the accelerator gives
    the index of the largest score. progress: see `runner.Progress`. name: of the graph, by default the file's stem.

    Raises ConfigError (no such file, label_select or training.json that does not fit), UnsupportedModel naming the
    node, its operator and the reason, and ToolFailed where a pass of FINN does not end within `step_limit_s`.
    """
    read_onnx(path)
    models = work / MODELS
    try:
        models.mkdir(parents=True, exist_ok=True)
        for old in (*models.glob("[0-9][0-9]_*.onnx"), models / HARDWARE):
            old.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot write in {work}: {error.strerror or error}") from None
    done = run_passes(path.resolve(), models.resolve(), work.resolve() / LOG, label_select, progress, step_limit_s)
    chain = read_chain(onnx.load(models / done["tidy"]))
    finn = onnx.load(models / done["hardware"])
    view = GraphView(finn)
    source = input_spec(chain, done["head"], view.shape(view.inputs[0]))
    flattened = len(chain.input_shape) == 3 and source.perm is None and source.graph_shape[:2] == (1, 1)
    hardware = read_hardware(finn, chain, name or path.stem, flattened)
    widths = [None] * len(chain.layers) if training is None else trained_bits(chain, training)
    graph = replace(hardware.graph, trained_bits=dict(zip(hardware.layers, widths, strict=True)))
    write_exact(finn, graph, models / HARDWARE)
    return Imported(graph, source, output_spec(chain, hardware.output, label_select), hardware.quant_tensors)
