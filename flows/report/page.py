"""`index.html` of a run, a sweep or a comparison: one self-contained page of key figures, pictures and tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import jinja2

from flows.report.plots import Plot
from flows.report.summary import Summary
from flows.report.tables import Table, integer, metric, rate

TEMPLATES = Path(__file__).parent / "templates"
KeyFigure = tuple[str, str, str]
"""(value, what it is, where it comes from)"""


@dataclass(frozen=True)
class Page:
    """What is on a page, in its order."""

    title: str
    subtitle: str
    key_figures: Sequence[KeyFigure]
    plots: Sequence[Plot]
    tables: Sequence[Table]


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), undefined=jinja2.StrictUndefined, autoescape=True,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    return environment.get_template("page.html.j2")


def render(page: Page) -> str:
    """The page as HTML; it needs no other file and no network."""
    return _template().render(page=page)


def of_run(summary: Summary, tables: Sequence[Table], plots: Sequence[Plot]) -> Page:
    """The page of one build."""
    subtitle = f"seed {summary['seed']} · configuration {summary['config_hash'][:12]}"
    return Page(summary["design"], subtitle, key_figures(summary), plots, tables)


def key_figures(summary: Summary) -> list[KeyFigure]:
    """The few figures one looks for first."""
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
