"""A sweep's tables on the console and its `index.html`: made from the rows of results.csv alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from flows.files import write_text
from flows.report.console import print_table
from flows.report.page import embedded, template
from flows.report.sweep_plots import sweep_plots
from flows.report.tables import Table, metric
from flows.sweep.table import AXES, Group, Row, Spread

FRONT = "●"
NAMES = {
    "accumulator_bits": "P", "layer_bits": "P by layer", "weight_bits": "W", "activation_bits": "N",
    "policy": "policy", "skip_zeros": "skips zeros", "board": "board", "target_fps": "frames/s", "design": "design",
    "build": "build",
}  # fmt: skip
UNITS = {"interval_cycles": "interval, cycles", "LUT": "LUT", "FF": "FF", "DSP": "DSP", "BRAM_18K": "BRAM_18K"}


def print_sweep(groups: Sequence[Group], console: Console) -> None:
    """Prints the table of the groups."""
    for table in sweep_tables(groups, ()):
        print_table(table, console)
        console.print(table.note)


def write_page(groups: Sequence[Group], rows: Sequence[Row], out: Path, name: str) -> Path:
    """Writes `out`/index.html, self-contained, and a PNG per plot; returns the page's path. Raises FlowError."""
    pictures = sweep_plots(groups)
    for picture in pictures:
        write_text(out / picture.file, picture.png)
    page = template("sweep.html.j2").render(
        name=name, points=len(rows), failed=sum(r["error"] is not None for r in rows), key_figures=(),
        plots=embedded(pictures), tables=sweep_tables(groups, rows),
    )  # fmt: skip
    write_text(out / "index.html", page)
    return out / "index.html"


def sweep_tables(groups: Sequence[Group], rows: Sequence[Row]) -> tuple[Table, ...]:
    """The groups, and the points that failed with their reasons."""
    return tuple(table for table in (_groups(groups), *_failures(rows)) if table.rows)


def _groups(groups: Sequence[Group]) -> Table:
    kind = next((g.metric for g in groups if g.metric), "accuracy")
    swept = [axis for axis in AXES[1:] if axis == "accumulator_bits" or len({g.axes[axis] for g in groups}) > 1]
    tools = [name for name in UNITS if any(name in g.figures for g in groups)]
    verified = any(g.verified is not None for g in groups)
    columns = (
        "method", *(NAMES[axis] for axis in swept), "seeds", f"float {kind}", kind, "zero weights",
        *(UNITS[name] for name in tools), *(["verified"] if verified else []), "front",
    )  # fmt: skip
    body = tuple(
        (
            str(g.axes["method"]).upper(), *(_or_dash(g.axes[axis]) for axis in swept), _seeds(g),
            _metric(g.figures.get("float_metric"), kind), _metric(g.figures.get("quant_metric"), kind),
            _with_spread(g.figures.get("sparsity"), 100.0, "%"),
            *(_count(g.figures.get(name)) for name in tools), *([_yes(g.verified)] if verified else []),
            FRONT if g.on_front else "",
        )
        for g in groups
    )  # fmt: skip
    note = (
        f"Mean ± sample standard deviation over the seeds, {kind} on the test split. {FRONT}: on the Pareto front of "
        f"{kind} and {'LUTs (Yosys)' if 'LUT' in tools else 'accumulator bits P (and activation bits N)'}."
    )
    return Table("sweep", "Methods and widths", columns, body, "yosys" if "LUT" in tools else "", note)


def _or_dash(value: object) -> str:
    return "–" if value is None else str(value)


def _yes(value: bool | None) -> str:
    return "–" if value is None else "yes" if value else "no"


def _seeds(group: Group) -> str:
    done = group.figures["quant_metric"].count if "quant_metric" in group.figures else 0
    return f"{done} ({group.failed} failed)" if group.failed else str(done)


def _metric(found: Spread | None, kind: str) -> str:
    if found is None:
        return "–"
    text = metric(found.mean, kind)
    number, _, unit = text.partition(" ")
    return text if found.deviation is None else f"{number} ± {found.deviation:.2f} {unit}"


def _with_spread(found: Spread | None, scale: float, unit: str) -> str:
    if found is None:
        return "–"
    more = "" if found.deviation is None else f" ± {scale * found.deviation:.1f}"
    return f"{scale * found.mean:.1f}{more} {unit}"


def _count(found: Spread | None) -> str:
    if found is None:
        return "–"
    more = f" ± {found.deviation:,.0f}" if found.deviation else ""
    return f"{found.mean:,.0f}{more}"


def _failures(rows: Sequence[Row]) -> Iterator[Table]:
    body = tuple(
        (
            str(r["method"]).upper(), _or_dash(r["accumulator_bits"]), _or_dash(r["activation_bits"]), str(r["seed"]),
            _or_dash(r["policy"]), str(r["error"]),
        )
        for r in rows if r["error"] is not None
    )  # fmt: skip
    yield Table("failed", "Points that failed", ("method", "P", "N", "seed", "policy", "reason"), body, text_columns=6)
