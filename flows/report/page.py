"""`report/index.html`: one self-contained page, made from the summary alone."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import jinja2

from flows.report.plots import Plot
from flows.report.summary import Summary
from flows.report.tables import Table, integer, metric, rate

TEMPLATES = Path(__file__).parent / "templates"


@cache
def template(name: str) -> jinja2.Template:
    """A template of this package; a name that it uses and is not given is an error."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), undefined=jinja2.StrictUndefined, autoescape=True,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    return environment.get_template(name)


def render(summary: Summary, tables: Sequence[Table], plots: Sequence[Plot]) -> str:
    """The page: key figures, plots (embedded), tables."""
    return template("report.html.j2").render(
        summary=summary, key_figures=key_figures(summary), tables=tables, plots=embedded(plots)
    )


def embedded(plots: Sequence[Plot]) -> list[tuple[Plot, str]]:
    """Every plot with its PNG in base64, for a page that needs no other file."""
    return [(plot, base64.b64encode(plot.png).decode("ascii")) for plot in plots]


def key_figures(summary: Summary) -> list[tuple[str, str, str]]:
    """(value, what it is, where it comes from) of the few figures one looks for first."""
    figures = []
    if training := summary["training"]:
        value = metric(training["quant_metric"], training["metric"])
        figures.append((value, f"quantized {training['metric']}", f"{training['split']} split"))
    checks = summary["verification"]
    if stitched := checks.get("rtl_stitched"):
        what = f"mismatches in {integer(stitched['frames'])} frames"
        figures.append((integer(stitched["mismatches"]), what, "rtlsim"))
    performance = summary.get("performance", {})
    if fps := performance.get("fps"):
        figures.append((rate(fps), "frames per second", str(performance["source"])))
    for tool, found in summary.get("resources", {}).items():
        figures.append((integer(found["total"]["LUT"]), "LUT", tool))  # type: ignore[index]
    return figures
