"""The tables of a study that go into its builds: policies side by side, layers across P, every point's certificate."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from flows.accumulators import POLICIES
from flows.report.certificate import signed, span
from flows.report.study import NAMES, TRAINED, Built, by_axes, layers, value, varying
from flows.report.tables import Table, integer, metric, percent
from flows.sweep.table import AXES

HARDWARE = tuple(axis for axis in AXES if axis not in (*TRAINED, "policy"))


def study_tables(points: Sequence[Built]) -> tuple[Table, ...]:
    """Every table that the builds have figures for, in the page's order."""
    made = (*_policies(points), *_luts_by_layer(points), *_bits_by_layer(points), *_points(points))
    return tuple(table for table in made if table.rows)


def _policies(points: Sequence[Built]) -> Iterator[Table]:
    """A row for each network and hardware, whatever the policy; its LUTs and widths under each one that ran."""
    names = varying([p.row for p in points], (*TRAINED, *HARDWARE))
    found = []
    for members in by_axes(points, (*TRAINED, *HARDWARE)).values():
        by_policy = {row["policy"]: row for p in members for row in p.summary["accumulator_comparison"]}
        if by_policy:
            found.append((members[0], by_policy))
    shown = [policy for policy in POLICIES if any(policy in by_policy for _, by_policy in found)]
    body = tuple(
        (
            *(value(point.row, name) for name in names),
            *(_bits(by_policy.get(policy)) for policy in shown), *(_lut(by_policy.get(policy)) for policy in shown),
            _saved(by_policy),
        )
        for point, by_policy in found
    )  # fmt: skip
    columns = (
        *(NAMES[n] for n in names), *(f"{p}, bits" for p in shown), *(f"{p}, LUT" for p in shown), "narrowest saves",
    )  # fmt: skip
    note = (
        "The same weights and folding in each row; bits: of the widest accumulator lane, layer by layer. narrowest "
        "saves: LUTs of the smallest policy against fixed-32."
    )
    yield Table("policies", "Accumulator policies side by side", columns, body, "yosys", note, len(names))


def _bits(row: Any) -> str:
    return "–" if row is None else ", ".join(str(bits) for bits in row["bits"].values())


def _lut(row: Any) -> str:
    return "–" if row is None else integer(row["total"]["LUT"])


def _saved(by_policy: Mapping[str, Any]) -> str:
    if "fixed-32" not in by_policy or len(by_policy) < 2:
        return "–"
    luts = {policy: row["total"]["LUT"] for policy, row in by_policy.items()}
    return percent(1 - min(luts.values()) / luts["fixed-32"])


def _luts_by_layer(points: Sequence[Built]) -> Iterator[Table]:
    def luts(point: Built) -> dict[str, str]:
        return {name: integer(counts["LUT"]) for name, counts in layers(point).items()}

    note = "LUTs of every instance whose LUTs differ between the columns, by Yosys."
    yield _across(points, "layers_by_width", "LUT by layer across P", (*TRAINED, "policy", *HARDWARE), luts, "yosys",
                  note)  # fmt: skip


def _bits_by_layer(points: Sequence[Built]) -> Iterator[Table]:
    def bits(point: Built) -> dict[str, str]:
        return {x["name"]: f"{x['exact_bits']} ({percent(x['sparsity'])})" for x in point.summary["layers"]}

    note = "Bits that the exact range of the trained weights needs, and the share of zero weights."
    yield _across(points, "bits_by_width", "Exact bits and zero weights by layer across P", TRAINED, bits, "", note)


def _across(
    points: Sequence[Built], key: str, title: str, axes: Sequence[str], of: Callable[[Built], Mapping[str, str]],
    source: str, note: str,
) -> Table:  # fmt: skip
    """A row for each layer and value of the axes but P; a column for each P."""
    others = [name for name in axes if name != "accumulator_bits"]
    names = [name for name in varying([p.row for p in points], others) if name != "accumulator_bits"]
    widths = sorted({p.row["accumulator_bits"] for p in points if p.row["accumulator_bits"] is not None})
    columns = [*widths, *([None] if any(p.row["accumulator_bits"] is None for p in points) else [])]
    body = []
    for members in by_axes(points, others).values():
        figures = {p.row["accumulator_bits"]: of(p) for p in members}
        for layer in dict.fromkeys(name for found in figures.values() for name in found):
            cells = [figures.get(width, {}).get(layer, "–") for width in columns]
            if len(set(cells) - {"–"}) > 1 or key != "layers_by_width":
                body.append((*(value(members[0].row, name) for name in names), layer, *cells))
    heads = (*(NAMES[n] for n in names), "layer", *("no P" if w is None else f"P = {w}" for w in columns))
    return Table(key, title, heads, tuple(body), source, note, len(names) + 1)


def _points(points: Sequence[Built]) -> Iterator[Table]:
    """Every point with a link to its own page, and what its certificate comes down to."""
    names = varying([p.row for p in points], (*TRAINED, "policy", *HARDWARE))
    columns = (
        *(NAMES[n] for n in names), "metric", "LUT", "verified", "channels", "least sum", "largest sum",
        "trained, bits", "exact, bits", "implemented, bits", "slack, bits",
    )  # fmt: skip
    body = tuple(
        (
            *(value(p.row, name) for name in names), _metric(p), _or_dash(p.row["LUT"]), value(p.row, "verified"),
            *_certified(p.certificate["layers"]),
        )
        for p in points
    )  # fmt: skip
    note = (
        "Each point links to its own page. From its certificate, over all layers: output channels, the least and the "
        "largest partial sum, then bits of the widest layer; slack: implemented beyond exact, of all channels."
    )
    yield Table("points", "Points and their certificates", columns, body, "", note, len(names),
                links=tuple(p.page for p in points))  # fmt: skip


def _metric(point: Built) -> str:
    row = point.row
    return "–" if row["quant_metric"] is None else metric(row["quant_metric"], row["metric"])


def _certified(found: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    channels = [c for layer in found for c in layer["channels"]]
    if not channels:
        return ("–",) * 7
    trained = [x["trained_bits"] for x in found if x["trained_bits"] is not None]
    slack = [c["slack"] for c in channels]
    return (
        integer(len(channels)), signed(min(c["acc_min"] for c in channels)),
        signed(max(c["acc_max"] for c in channels)), _or_dash(max(trained, default=None)),
        str(max(x["exact_bits"] for x in found)), str(max(x["implemented_bits"] for x in found)),
        span(min(slack), max(slack)),
    )  # fmt: skip


def _or_dash(found: int | None) -> str:
    return "–" if found is None else integer(found)
