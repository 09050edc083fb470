"""The front end's street: QONNX file, tidied, typed graph; FINN's passes beside it, whose graph must be the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx

from flows.errors import ConfigError, UnsupportedModel
from flows.frontend.finn_export import write_exact
from flows.frontend.match import pair
from flows.frontend.onnx_file import read_onnx
from flows.frontend.read_model import Network, read_model, with_widths
from flows.frontend.runner import STEP_LIMIT_S, Progress, run_passes
from flows.frontend.spec import Imported
from flows.frontend.store import HARDWARE
from flows.frontend.training import trained_bits

MODELS = "intermediate_models"
"""Folder below `work` for the ONNX model after every step."""
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
    node, its operator and the reason, VerificationFailed naming a pass of FINN that changes an integer, and ToolFailed
    where one does not end within `step_limit_s`. Where FINN gives up on a network that can be read, LOG says why and
    there is no HARDWARE.
    """
    read_onnx(path)
    models = work / MODELS
    try:
        models.mkdir(parents=True, exist_ok=True)
        for old in (*models.glob("[0-9][0-9]_*.onnx"), models / HARDWARE):
            old.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot write in {work}: {error.strerror or error}") from None
    log = work.resolve() / LOG
    done = run_passes(path.resolve(), models.resolve(), log, label_select, progress, step_limit_s)
    network = read_model(onnx.load(models / done["tidy"]), label_select, name or path.stem)
    widths = [None] * len(network.layers) if training is None else trained_bits(network, training)
    graph = with_widths(network, widths)
    note = done["note"] or _write_hardware(models, done["hardware"], network)
    if note:
        with log.open("a", encoding="utf-8") as out:
            out.write(f"\nno {HARDWARE}, our own graph is not affected: {note}\n")
    layouts = {k: layout for k, layout in enumerate(network.layouts) if layout is not None}
    return Imported(graph, network.input, network.output, layouts, network.sums)


def _write_hardware(models: Path, finn: str, network: Network) -> str:
    """FINN's hardware graph with our names and constants, or why there is none."""
    model = onnx.load(models / finn)
    try:
        pairing = pair(model, network)
    except UnsupportedModel as error:
        return str(error)
    write_exact(model, network.graph, pairing, models / HARDWARE)
    return ""
