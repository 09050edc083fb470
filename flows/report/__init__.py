"""The report: from the summary alone to summary.json, index.html and the plots."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flows.files import write_json, write_text
from flows.report.page import render
from flows.report.plots import plots
from flows.report.summary import validate
from flows.report.tables import tables


def write_report(summary: Mapping[str, Any], folder: Path) -> list[Path]:
    """Writes `folder`/summary.json, index.html and a PNG per plot; returns their paths.

    Raises ConfigError where `summary` is not one, FlowError where `folder` cannot be written.
    """
    checked = validate(dict(summary))
    pictures = plots(checked)
    write_json(folder / "summary.json", checked)
    for picture in pictures:
        write_text(folder / picture.file, picture.png)
    write_text(folder / "index.html", render(checked, tables(checked), pictures))
    return [folder / name for name in ("summary.json", "index.html", *(picture.file for picture in pictures))]
