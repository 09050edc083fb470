"""The report: from the summary and the certificate alone to summary.json, index.html and the plots."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flows.files import write_json, write_text
from flows.report.certificate import certificate_plots, certificate_tables
from flows.report.page import of_run, render
from flows.report.plots import plots, write_pngs
from flows.report.summary import validate
from flows.report.tables import tables


def write_report(summary: Mapping[str, Any], folder: Path, certificate: Mapping[str, Any] | None = None) -> list[Path]:
    """Writes `folder`/summary.json, index.html and a PNG per plot; returns their paths.

    `certificate`: the content of accumulators.json (flows.accumulators.certificate), shown where it is given.
    Raises ConfigError where `summary` is not one, FlowError where `folder` cannot be written.
    """
    checked = validate(dict(summary))
    pictures = (*plots(checked), *certificate_plots(certificate))
    certified = certificate_tables(certificate)
    shown = list(tables(checked))
    # The certificate stands by the widths that it proves; channel by channel at the end.
    place = next((i + 1 for i, table in enumerate(shown) if table.key == "accumulators"), 0)
    shown = [*shown[:place], *certified[:1], *shown[place:], *certified[1:]]
    write_json(folder / "summary.json", checked)
    pngs = write_pngs(pictures, folder)
    write_text(folder / "index.html", render(of_run(checked, shown, pictures)))
    return [folder / "summary.json", folder / "index.html", *pngs]
