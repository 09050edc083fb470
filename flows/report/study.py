"""What a sweep or a comparison built, read from the points' own folders for its page."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flows.files import digest, read_json
from flows.report.summary import Counts, Summary, load
from flows.sweep.table import AXES, Row

TRAINED = ("method", "accumulator_bits", "layer_bits", "weight_bits", "activation_bits", "design", "seed")
"""What makes a training; the other axes are of the hardware built from it."""
NAMES = {
    "method": "method", "accumulator_bits": "P", "layer_bits": "P by layer", "weight_bits": "W",
    "activation_bits": "N", "policy": "policy", "skip_zeros": "skips zeros", "board": "board",
    "target_fps": "frames/s", "design": "design", "build": "build", "seed": "seed",
}  # fmt: skip


@dataclass(frozen=True)
class Built:
    """One point with its build's own report; `page`: its address relative to the study's page."""

    row: Row
    summary: Summary
    certificate: Mapping[str, Any]
    page: str


def built(rows: Sequence[Row], out: Path) -> tuple[Built, ...]:
    """The points of a table in `out` that were built without error. Raises ConfigError where a report is damaged."""
    found = []
    for row in rows:
        report = None if row["error"] is not None or not row["folder"] else _report(out, row["folder"])
        if report is not None:
            page = Path(os.path.relpath(report / "index.html", out)).as_posix()
            certificate = read_json(report / "accumulators.json")
            found.append(Built(row, load(report / "summary.json"), certificate, quote(page)))
    return tuple(found)


def _report(out: Path, folder: str) -> Path | None:
    """A point's report; of a comparison the folders are as they were given."""
    places = (out / folder / "report", Path(folder) / "report")
    return next((place for place in places if (place / "summary.json").is_file()), None)


def mark(axes: Mapping[str, Any]) -> str:
    """What names a group of points in tables and pictures alike: from the values of its axes."""
    return f"g{digest([axes[name] for name in AXES])[:10]}"


def varying(rows: Sequence[Row], names: Sequence[str]) -> tuple[str, ...]:
    """Those of `names` that have more than one value, and `method` and `accumulator_bits` in any case."""
    kept = ("method", "accumulator_bits")
    return tuple(name for name in names if name in kept or len({row[name] for row in rows}) > 1)


def value(row: Row, name: str) -> str:
    """One axis of a row, as it is shown."""
    found = row[name]
    if found is None:
        return "–"
    if isinstance(found, bool):
        return "yes" if found else "no"
    return str(found).upper() if name == "method" else str(found)


def by_axes(points: Sequence[Built], names: Sequence[str]) -> dict[tuple[Hashable, ...], list[Built]]:
    """The points by the values of the axes `names`, in their order."""
    found: dict[tuple[Hashable, ...], list[Built]] = {}
    for point in points:
        found.setdefault(tuple(point.row[name] for name in names), []).append(point)
    return found


def layers(point: Built) -> dict[str, Counts]:
    """{instance: its resources by Yosys} of the design as built; empty where Yosys did not run."""
    tool = point.summary.get("resources", {}).get("yosys")
    return {x["name"]: x for x in tool["layers"]} if tool else {}
