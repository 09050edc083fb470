"""The sweep's table: one row a point, as CSV and SQLite, and the groups of points that differ in the seed alone."""

from __future__ import annotations

import csv
import io
import sqlite3
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flows.errors import ConfigError
from flows.sweep.plan import Point
from flows.sweep.row import ALL_COLUMNS, BOOLEANS, COLUMNS, FLOATS, VIVADO, WORDS, layer_bits

Row = Mapping[str, Any]
"""One point: `flows.sweep.row.ALL_COLUMNS`; None where a step was not run."""

AXES = (
    "method", "accumulator_bits", "layer_bits", "weight_bits", "activation_bits", "policy", "skip_zeros", "board",
    "target_fps", "design", "build",
)  # fmt: skip
MEASURED = (
    "float_metric", "quant_metric", "sparsity", "interval_cycles", "latency_cycles", "fps", "LUT", "LUTRAM", "FF",
    "DSP", "BRAM_18K", *VIVADO, "vivado_fmax_mhz",
)  # fmt: skip


@dataclass(frozen=True)
class Spread:
    """Mean and sample standard deviation over `count` seeds (`deviation` is None for one)."""

    mean: float
    deviation: float | None
    count: int


@dataclass(frozen=True)
class Group:
    """The points that differ in the seed alone. `failed`: how many of them; `figures`: those of the others.

    `on_front`: no other group is at least as good in every respect and better in one (see `front`).
    """

    axes: Row
    figures: Mapping[str, Spread]
    failed: int
    metric: str | None
    verified: bool | None
    on_front: bool = False


def row(point: Point, result: Mapping[str, Any], stop: str | None) -> dict[str, Any]:
    """The table's row of a point, from the result.json that its worker left."""
    axes = config_axes(point.config.model_dump(mode="json"), built=stop is None)
    axes |= {"design": point.config.name, "folder": f"points/{point.name}"}
    found = dict(result.get("row", {})) | {key: result.get(key) for key in ("pruned", "error")}
    return dict.fromkeys(ALL_COLUMNS) | found | {key: value for key, value in axes.items() if value is not None}


def config_axes(config: Mapping[str, Any], built: bool = True) -> dict[str, Any]:
    """The columns that a build's configuration decides, as JSON has it. `built`: whether it goes beyond training."""
    axes: dict[str, Any] = {}
    if train := config.get("train"):
        axes |= {key: train[key] for key in ("method", "weight_bits", "activation_bits", "seed")}
        bits = None if train["method"] == "qat" else train["accumulator_bits"]
        axes |= {"accumulator_bits": None if isinstance(bits, Mapping) else bits, "layer_bits": layer_bits(bits)}
    if built:
        axes |= {key: config[key] for key in ("board", "target_fps", "skip_zeros")}
        axes["policy"] = config["accumulator_policy"]
    return axes


def from_csv(path: Path) -> list[Row]:
    """The rows of a results.csv; columns that it lacks are None. Raises ConfigError where it is no such table."""
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            lines = list(csv.DictReader(stream))
        found = [{c: _value(c, line[c]) for c in ALL_COLUMNS if line.get(c)} for line in lines]
    except (OSError, UnicodeDecodeError, ValueError, csv.Error) as error:
        raise ConfigError(f"{path} is no table of a sweep: {error}") from None
    if not lines or not set(COLUMNS) <= lines[0].keys():
        raise ConfigError(f"{path} is no table of a sweep: it lacks rows, or the columns {', '.join(COLUMNS[:3])}, …")
    return [dict.fromkeys(ALL_COLUMNS) | row for row in found]


def _value(column: str, text: str) -> Any:
    if column in BOOLEANS:
        return text == "true"
    return text if column in WORDS else float(text) if column in FLOATS else int(text)


def to_csv(rows: Iterable[Row]) -> str:
    """results.csv: a line a row, under the names of the columns."""
    memory = io.StringIO()
    writer = csv.writer(memory, lineterminator="\n")
    writer.writerow(ALL_COLUMNS)
    writer.writerows([_cell(r[column]) for column in ALL_COLUMNS] for r in rows)
    return memory.getvalue()


def to_sqlite(rows: Iterable[Row]) -> bytes:
    """The same table as a SQLite database with the one table `results`; booleans are 0 and 1, empty cells NULL."""
    connection = sqlite3.connect(":memory:")
    try:
        names = ", ".join(f'"{column}"' for column in ALL_COLUMNS)
        connection.execute(f"CREATE TABLE results ({names})")
        marks = ", ".join("?" * len(ALL_COLUMNS))
        connection.executemany(
            f"INSERT INTO results VALUES ({marks})", [tuple(r[column] for column in ALL_COLUMNS) for r in rows]
        )
        connection.commit()
        return connection.serialize()
    finally:
        connection.close()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else value


def groups(rows: Sequence[Row]) -> tuple[Group, ...]:
    """The rows by everything but the seed, in their order, with the Pareto front marked."""
    by_axes: dict[tuple[Any, ...], list[Row]] = {}
    for r in rows:
        by_axes.setdefault(tuple(r[axis] for axis in AXES), []).append(r)
    found = [_group(dict(zip(AXES, key, strict=True)), members) for key, members in by_axes.items()]
    # Of one tool: figures of Yosys and Vivado are not compared with each other.
    tool = next((name for name in ("LUT", "vivado_LUT") if any(name in group.figures for group in found)), None)
    best = front([objectives(group, tool) for group in found])
    return tuple(replace(group, on_front=index in best) for index, group in enumerate(found))


def _group(axes: Row, members: Sequence[Row]) -> Group:
    good = [r for r in members if r["error"] is None]
    figures = {name: spread(values) for name in MEASURED if (values := _values(good, name))}
    verified = [r["verified"] for r in good if r["verified"] is not None]
    return Group(
        axes, figures, len(members) - len(good), good[0]["metric"] if good else None,
        all(verified) if verified else None,
    )  # fmt: skip


def _values(rows: Iterable[Row], name: str) -> list[float]:
    return [r[name] for r in rows if r[name] is not None]


def spread(values: Sequence[float]) -> Spread:
    """Mean and sample standard deviation of at least one value."""
    return Spread(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None, len(values))


def objectives(group: Group, tool: str | None) -> tuple[float, ...] | None:
    """What is to be small: minus the mean metric, and LUTs of that column; where `tool` is None the widths P and N.

    None where the group has no figure to compare: no seed of it finished, or it was not built, or it has no P.
    """
    if "quant_metric" not in group.figures:
        return None
    gain = -group.figures["quant_metric"].mean
    if tool is not None:
        return (gain, group.figures[tool].mean) if tool in group.figures else None
    widths = [group.axes[axis] for axis in ("accumulator_bits", "activation_bits")]
    return None if None in widths else (gain, *map(float, widths))


def front(candidates: Sequence[tuple[float, ...] | None]) -> frozenset[int]:
    """The positions of the candidates that no other one dominates: as small in everything and smaller in something."""

    def dominated(a: tuple[float, ...]) -> bool:
        return any(
            b is not None and b != a and len(b) == len(a) and all(y <= x for x, y in zip(a, b, strict=True))
            for b in candidates
        )

    return frozenset(i for i, a in enumerate(candidates) if a is not None and not dominated(a))
