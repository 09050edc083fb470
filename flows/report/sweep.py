"""A sweep's or a comparison's tables on the console and its `index.html`: from the rows of results.csv, and from the
reports of the points' own folders where they were built.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from flows.files import write_text
from flows.report.console import print_table
from flows.report.page import KeyFigure, Page, render
from flows.report.plots import write_pngs
from flows.report.study import NAMES, built, mark, value
from flows.report.study_plots import study_plots
from flows.report.study_tables import study_tables
from flows.report.sweep_plots import sweep_plots
from flows.report.tables import Table, metric
from flows.sweep.row import RESOURCES
from flows.sweep.table import AXES, Group, Row, Spread

FRONT = "●"
UNITS = {
    **{name: name for name in RESOURCES}, **{f"vivado_{name}": f"{name} (Vivado)" for name in RESOURCES},
    "interval_cycles": "interval, cycles", "latency_cycles": "latency, cycles", "fps": "frames/s",
    "vivado_fmax_mhz": "MHz (Vivado)",
}  # fmt: skip
"""The measured columns that are shown where any row has them; LUT to BRAM_18K are Yosys'."""


def print_sweep(groups: Sequence[Group], console: Console) -> None:
    """Prints the table of the groups."""
    for table in sweep_tables(groups, ()):
        print_table(table, console)
        console.print(table.note)


def write_page(groups: Sequence[Group], rows: Sequence[Row], out: Path, name: str) -> Path:
    """Writes `out`/index.html, self-contained, and a PNG per plot; returns the page's path.

    Rows that name a build make it a comparison. Raises FlowError where `out` cannot be written, ConfigError where the
    report of a point is damaged.
    """
    kind = "comparison" if any(r["build"] is not None for r in rows) else "sweep"
    points = built(rows, out)
    pictures = (*sweep_plots(groups), *study_plots(points))
    write_pngs(pictures, out)
    groups_table, *failures = sweep_tables(groups, rows)
    tables = (groups_table, *failures, *study_tables(points))
    failed = sum(r["error"] is not None for r in rows)
    title = name if kind in name else f"{name}, a {kind}"
    subtitle = f"{len(rows)} points, {failed} failed · mean ± sample standard deviation over the seeds"
    page = Page(title, subtitle, key_figures(groups), pictures, tables)
    write_text(out / "index.html", render(page))
    return out / "index.html"


def key_figures(groups: Sequence[Group]) -> list[KeyFigure]:
    """The best metric, and the smallest design within 1 % of the float network's."""
    done = [g for g in groups if "quant_metric" in g.figures]
    if not done:
        return []
    best = max(done, key=lambda g: g.figures["quant_metric"].mean)
    kind = str(best.metric)
    figures = [(metric(best.figures["quant_metric"].mean, kind), f"best {kind}", _name(best))]
    sized = [g for g in done if "LUT" in g.figures and "float_metric" in g.figures]
    good = [g for g in sized if 100 * g.figures["quant_metric"].mean >= 99 * g.figures["float_metric"].mean]
    if good:
        least = min(good, key=lambda g: g.figures["LUT"].mean)
        what = f"LUT (Yosys): the fewest at 99 % of the float {kind}"
        figures.append((_count(least.figures["LUT"]), what, _name(least)))
    checked = [g.verified for g in groups if g.verified is not None]
    if checked:
        figures.append((f"{sum(checked)} of {len(checked)}", "built and verified bit by bit", "rtlsim"))
    return figures


def _name(group: Group) -> str:
    axes = group.axes
    width = "" if axes["accumulator_bits"] is None else f", P = {axes['accumulator_bits']}"
    return f"{value(axes, 'method')}{width}" + ("" if axes["policy"] is None else f", {axes['policy']}")


def sweep_tables(groups: Sequence[Group], rows: Sequence[Row]) -> tuple[Table, ...]:
    """The groups, then the points that failed and those that a search did not build, with the reasons."""
    reasons = (
        _reasons("failed", "Points that failed", "error", rows),
        _reasons("pruned", "Points that the search did not build", "pruned", rows),
    )
    return tuple(table for table in (_groups(groups), *reasons) if table.rows)


def _groups(groups: Sequence[Group]) -> Table:
    kind = next((g.metric for g in groups if g.metric), "accuracy")
    swept = [axis for axis in AXES[1:] if axis == "accumulator_bits" or len({g.axes[axis] for g in groups}) > 1]
    tools = [name for name in UNITS if any(_told(name, g) for g in groups)]
    verified = any(g.verified is not None for g in groups)
    columns = (
        "method", *(NAMES[axis] for axis in swept), "front", kind, *(UNITS[name] for name in tools), "zero weights",
        f"float {kind}", "seeds", *(["verified"] if verified else []),
    )  # fmt: skip
    body = tuple(
        (
            value(g.axes, "method"), *(value(g.axes, axis) for axis in swept), FRONT if g.on_front else "",
            _metric(g.figures.get("quant_metric"), kind), *(_count(g.figures.get(name)) for name in tools),
            _with_spread(g.figures.get("sparsity"), 100.0, "%"), _metric(g.figures.get("float_metric"), kind),
            _seeds(g), *([_yes(g.verified)] if verified else []),
        )
        for g in groups
    )  # fmt: skip
    note = (
        f"Mean ± sample standard deviation over the seeds, {kind} on the test split. {FRONT}: on the Pareto front of "
        f"{kind} and {'LUTs (Yosys)' if 'LUT' in tools else 'accumulator bits P (and activation bits N)'}."
    )
    return Table("sweep", "Methods and widths", columns, body, "yosys" if "LUT" in tools else "", note,
                 text_columns=1 + len(swept), marks=tuple(mark(g.axes) for g in groups))  # fmt: skip


def _told(name: str, group: Group) -> bool:
    """Whether a column says anything: block RAMs and DSPs, where there are none, do not."""
    return name in group.figures and (group.figures[name].mean != 0 or name not in ("LUTRAM", "DSP", "BRAM_18K"))


def _yes(found: bool | None) -> str:
    return "–" if found is None else "yes" if found else "no"


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


def _reasons(key: str, title: str, column: str, rows: Sequence[Row]) -> Table:
    axes = ("method", "accumulator_bits", "layer_bits", "activation_bits", "seed", "policy")
    found = [r for r in rows if r[column] is not None]
    shown = [axis for axis in axes if axis != "layer_bits" or any(r[axis] is not None for r in found)]
    body = tuple((*(value(r, axis) for axis in shown), str(r[column])) for r in found)
    heads = (*(NAMES[axis] for axis in shown), "reason")
    return Table(key, title, heads, body, text_columns=len(heads))
