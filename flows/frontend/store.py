"""An imported network as files: readable JSON, and the arrays beside it. No pickle; same network, same bytes."""

from __future__ import annotations

import dataclasses
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from flows import graph as ir
from flows.errors import ConfigError
from flows.files import write_json
from flows.frontend.onnx_file import Array
from flows.frontend.spec import HostStep, Imported, InputSpec, Layout, OutputSpec
from flows.graph import Graph, IntType, Op, Tensor, by_name

SCHEMA = 2
FILES = ("imported.json", "imported.npz")
"""What `save` writes."""
HARDWARE = "hardware.onnx"
"""Beside them: FINN's hardware graph with exact thresholds and accumulators, what `write_finn_model` starts from."""

_OPS: dict[str, type[Op]] = {c.__name__: c for c in vars(ir).values() if isinstance(c, type) and issubclass(c, Op)}


def save(imported: Imported, folder: Path) -> None:
    """Writes FILES to `folder`, making it where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Array] = {}
    graph, output = imported.graph, imported.output
    steps = [{"op": s.op, "value": _keep(arrays, f"output.{i}", s.value)} for i, s in enumerate(output.steps)]
    document = {
        "schema_version": SCHEMA,
        "graph": {
            "name": graph.name,
            "inputs": graph.inputs,
            "outputs": graph.outputs,
            "ops": [_op_out(op, arrays) for op in graph.ops],
            "tensors": [dataclasses.asdict(t) for t in graph.tensors.values()],
            "trained_bits": dict(graph.trained_bits),
        },
        "input": dataclasses.asdict(imported.input),
        "output": {
            "shape": output.shape,
            "label_select": output.label_select,
            "steps": steps,
        },
        "layouts": {str(k): _layout_out(arrays, f"layout.{k}", v) for k, v in imported.layouts.items()},
        "sums": None if imported.sums is None else _layout_out(arrays, "sums", imported.sums),
    }
    np.savez_compressed(folder / FILES[1], **arrays)  # type: ignore[arg-type]
    write_json(folder / FILES[0], document)


def load(folder: Path) -> Imported:
    """What `save` wrote. Raises ConfigError where it is missing, damaged or of another version."""
    try:
        document = json.loads((folder / FILES[0]).read_text(encoding="utf-8"))
        if document.get("schema_version") != SCHEMA:
            raise ValueError("written by another version")
        with np.load(folder / FILES[1], allow_pickle=False) as arrays:
            return _imported(document, arrays)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise ConfigError(f"cannot read the imported network in {folder}: {error}; run the front end again") from None


def _keep(arrays: dict[str, Array], name: str, value: Array) -> dict[str, str]:
    arrays[name] = value
    return {"array": name}


def _layout_out(arrays: dict[str, Array], name: str, layout: Layout) -> dict[str, Any]:
    columns = np.stack([layout.order, layout.factors, layout.shifts, layout.divisors])
    return {"tensor": layout.tensor, **_keep(arrays, name, columns)}


def _layout_in(fields: Mapping[str, Any], arrays: Mapping[str, Array]) -> Layout:
    return Layout(fields["tensor"], *arrays[fields["array"]])


def _op_out(op: Op, arrays: dict[str, Array]) -> dict[str, Any]:
    fields: dict[str, Any] = {"kind": op.kind}
    for f in dataclasses.fields(op):
        value = getattr(op, f.name)
        if isinstance(value, np.ndarray):
            value = _keep(arrays, f"{op.name}.{f.name}", value)
        elif isinstance(value, IntType):
            value = {"bits": value.bits, "signed": value.signed}
        fields[f.name] = value
    return fields


def _imported(document: Mapping[str, Any], arrays: Mapping[str, Array]) -> Imported:
    g, i, o = document["graph"], document["input"], document["output"]
    tensors = by_name(
        Tensor(t["name"], tuple(t["shape"]), IntType(**t["dtype"]), t["lo"], t["hi"]) for t in g["tensors"]
    )
    ops = tuple(_op_in(fields, arrays) for fields in g["ops"])
    graph = Graph(g["name"], tuple(g["inputs"]), tuple(g["outputs"]), ops, tensors, g["trained_bits"])
    perm = None if i["perm"] is None else tuple(i["perm"])
    source = InputSpec(**{**i, "shape": tuple(i["shape"]), "perm": perm, "graph_shape": tuple(i["graph_shape"])})
    steps = tuple(HostStep(s["op"], arrays[s["value"]["array"]]) for s in o["steps"])
    output = OutputSpec(tuple(o["shape"]), steps, o["label_select"])
    graph.validate()
    layouts = {int(k): _layout_in(v, arrays) for k, v in document["layouts"].items()}
    sums = None if document["sums"] is None else _layout_in(document["sums"], arrays)
    return Imported(graph, source, output, layouts, sums)


def _op_in(fields: Mapping[str, Any], arrays: Mapping[str, Array]) -> Op:
    values: dict[str, Any] = {}
    for name, value in fields.items():
        if isinstance(value, dict):
            values[name] = arrays[value["array"]] if "array" in value else IntType(**value)
        elif name != "kind":
            values[name] = tuple(value) if isinstance(value, list) else value
    return _OPS[fields["kind"]](**values)
