"""Rendering: the templates of `hw_templates/hls`, with the few lines whose breaks depend on names."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from flows.emit.hls.cpp import cpp_type, wrapped
from flows.emit.hls.layer import Layer

HLS = Path(__file__).parents[3] / "hw_templates" / "hls"


def render(template: str, **values: Any) -> str:
    """The text of `template`, a file of `hw_templates/hls`, for `values`."""
    return environment().get_template(template).render(**values)


@cache
def environment() -> jinja2.Environment:
    """Templates of `hw_templates/hls`; an undefined name is an error."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HLS), undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, autoescape=False,
    )  # fmt: skip
    found.globals["wrapped"] = wrapped
    found.filters |= {
        "cpp": _literal, "ctype": cpp_type, "signature": _signature, "instance": _instance, "run": _run,
    }  # fmt: skip
    return found


def _literal(value: int | bool | str) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _signature(layer: Layer, head: str, tail: str) -> str:
    return wrapped(head % layer.name, [f"hls::stream<ap_uint<{p.bits}>>& {p.name}" for p in layer.ports], tail)


def _instance(layer: Layer) -> str:
    """The call of the template; long lines go on below the first argument."""
    head = wrapped(f"  {layer.template}<", list(layer.parameters), ">(")
    arguments = [p.name for p in layer.ports]
    arguments += ["memory"] if layer.memory else []
    arguments += [layer.table.name] if layer.table else []
    return wrapped(head, arguments, ");")


def _run(layer: Layer) -> str:
    beats = ", ".join(str(p.beats) for p in layer.ports)
    head = f"  bench.run<{len(layer.inputs)}>("
    return wrapped(head, [f'"{layer.name}"', layer.name, f"{{{beats}}}"], ");")
