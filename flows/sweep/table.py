"""The sweep's table: one row a point in results.csv, and the groups of points that differ in the seed alone."""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flows.sweep.plan import Point
from flows.sweep.row import COLUMNS

Row = Mapping[str, Any]
"""One point: the columns of results.csv and `activation_bits`; None where a step was not run."""

AXES = ("method", "accumulator_bits", "activation_bits", "policy", "board", "target_fps")
MEASURED = ("float_metric", "quant_metric", "sparsity", "interval_cycles", "LUT", "FF", "DSP", "BRAM_18K")


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
    built = stop is None
    axes = {
        "method": point.method, "accumulator_bits": point.accumulator_bits, "seed": point.seed,
        "policy": point.config.accumulator_policy if built else None, "board": point.config.board if built else None,
        "target_fps": point.config.target_fps if built else None, "activation_bits": point.activation_bits,
    }  # fmt: skip
    empty = dict.fromkeys((*COLUMNS, "activation_bits"))
    return empty | axes | dict(result.get("row", {})) | {"error": result.get("error")}


def to_csv(rows: Iterable[Row], activation_bits: bool) -> str:
    """results.csv. `activation_bits`: with a last column of that name, where it is an axis of the sweep."""
    columns = [*COLUMNS, *(["activation_bits"] if activation_bits else [])]
    memory = io.StringIO()
    writer = csv.writer(memory, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(r[column]) for column in columns] for r in rows)
    return memory.getvalue()


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
    best = front([objectives(group) for group in found])
    return tuple(replace(group, on_front=index in best) for index, group in enumerate(found))


def _group(axes: Row, members: Sequence[Row]) -> Group:
    good = [r for r in members if r["error"] is None]
    figures = {name: spread([r[name] for r in good]) for name in MEASURED if good and good[0][name] is not None}
    verified = [r["verified"] for r in good if r["verified"] is not None]
    return Group(
        axes, figures, len(members) - len(good), good[0]["metric"] if good else None,
        all(verified) if verified else None,
    )  # fmt: skip


def spread(values: Sequence[float]) -> Spread:
    """Mean and sample standard deviation of at least one value."""
    return Spread(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None, len(values))


def objectives(group: Group) -> tuple[float, ...] | None:
    """What is to be small: minus the mean metric, and LUTs where the points were built, else the widths P and N.

    None where the group has no figure to compare: no seed of it finished, or it has no P and was not built.
    """
    if "quant_metric" not in group.figures:
        return None
    gain = -group.figures["quant_metric"].mean
    if "LUT" in group.figures:
        return gain, group.figures["LUT"].mean
    width = group.axes["accumulator_bits"]
    return None if width is None else (gain, float(width), float(group.axes["activation_bits"]))


def front(candidates: Sequence[tuple[float, ...] | None]) -> frozenset[int]:
    """The positions of the candidates that no other one dominates: as small in everything and smaller in something."""

    def dominated(a: tuple[float, ...]) -> bool:
        return any(
            b is not None and b != a and len(b) == len(a) and all(y <= x for x, y in zip(a, b, strict=True))
            for b in candidates
        )

    return frozenset(i for i, a in enumerate(candidates) if a is not None and not dominated(a))
