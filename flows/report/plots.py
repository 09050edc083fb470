"""The plots of a summary, as PNG and as SVG in memory; the same summary gives the same bytes."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from flows.files import write_text
from flows.report.summary import PolicyRow, Summary
from flows.report.svg import INK, LINE, inline
from flows.report.tables import TOOLS, integer, metric, percent
from flows.synthesize.cells import RESOURCES

# Okabe and Ito's colours, which stay apart in every kind of colour blindness.
COLORS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#f0e442", "#999999")
# Narrow, so that the text stays readable when a phone shows the plot at its own width.
WIDTH_INCHES = 4.4
DPI = 220
LEGEND_LETTERS, HANDLE_LETTERS = 68, 8
"""A legend's line holds about so many letters at that width; a handle and the space around it take so many."""
SETTINGS: Any = {
    "font.size": 9.0, "axes.titlesize": 10.0, "legend.fontsize": 8.0, "svg.fonttype": "none", "svg.hashsalt": "a2qflow",
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK),
}  # fmt: skip


@dataclass(frozen=True)
class Plot:
    """`file`: name of the PNG; `alt` says what the picture shows to who cannot see it.

    `svg`: the same drawing, for the page. `choice`: of pictures with the same title the page shows one at a time, and
    this is what tells them apart; they are many, and have no PNG.
    """

    file: str
    title: str
    alt: str
    png: bytes | None
    svg: str
    choice: str = ""

    def _repr_png_(self) -> bytes | None:
        """What a notebook shows."""
        return self.png


def plots(summary: Summary) -> tuple[Plot, ...]:
    """Every plot that the summary has figures for."""
    return tuple(plot for make in DRAWN for plot in make(summary))


def picture(
    file: str, title: str, alt: str, inches: float, draw: Callable[[Axes], None], choice: str = "",
    marks: Mapping[str, str] | None = None,
) -> Plot:  # fmt: skip
    """A plot of this project's style, `inches` high. `marks`: as in `svg.inline`."""
    with matplotlib.rc_context():
        # Whatever matplotlibrc the user has.
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(SETTINGS)
        figure = Figure(figsize=(WIDTH_INCHES, inches), dpi=DPI, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        draw(axes)
        axes.spines[["top", "right"]].set_visible(False)
        png, svg = io.BytesIO(), io.StringIO()
        if not choice:
            figure.savefig(png, format="png", metadata={"Software": None})
        figure.savefig(svg, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    shown = inline(svg.getvalue(), file.removesuffix(".png").replace("+", "plus"), alt, marks or {})
    return Plot(file, title, alt, png.getvalue() or None, shown, choice)


def write_pngs(plots: Sequence[Plot], folder: Path) -> list[Path]:
    """Writes those that have a PNG; returns their paths. Raises FlowError."""
    written = [(folder / plot.file, plot.png) for plot in plots if plot.png is not None]
    for path, png in written:
        write_text(path, png)
    return [path for path, _ in written]


def legend(axes: Axes, columns: int) -> None:
    """A legend below the plot, where nothing drawn can lie under it, of so many columns at most as fit its width."""
    figure = axes.get_figure()
    assert figure is not None
    labels = axes.get_legend_handles_labels()[1]
    longest = max((len(label) for label in labels), default=0)
    columns = max(1, min(columns, LEGEND_LETTERS // (longest + HANDLE_LETTERS)))
    figure.legend(loc="outside lower center", ncols=columns, frameon=False, columnspacing=1.2, handletextpad=0.5)


def _accuracy(summary: Summary) -> Iterator[Plot]:
    training = summary["training"]
    if training is None:
        return
    kind = training["metric"]
    values = (training["float_metric"], training["quant_metric"])

    def draw(axes: Axes) -> None:
        bars = axes.barh(["float", "quantized"], values, color=COLORS[:2], height=0.6)
        axes.bar_label(bars, [metric(v, kind) for v in values], padding=3)
        axes.invert_yaxis()
        axes.set_xlim(0, 118 if kind == "accuracy" else max(values) * 1.2)
        axes.set_xlabel("accuracy on the test split, %" if kind == "accuracy" else "PSNR on the test split, dB")

    yield picture(
        "accuracy.png", "Float against quantized", f"bars: {kind} of the float and the quantized network", 1.6, draw
    )


def _bits(summary: Summary) -> Iterator[Plot]:
    layers = summary["layers"]
    if not layers:
        return
    names = [x["name"] for x in layers]
    series: list[tuple[str, list[int | None], str]] = [
        ("fixed 32", [32] * len(layers), "v"),
        ("data-type bound", [x["datatype_bits"] for x in layers], "D"),
        ("trained", [x["trained_bits"] for x in layers], "s"),
        ("exact", [x["exact_bits"] for x in layers], "o"),
        ("implemented (widest lane)", [x["implemented_bits"] for x in layers], "x"),
    ]

    def draw(axes: Axes) -> None:
        positions = range(len(names))
        axes.hlines(positions, 0, 32, color=LINE, linewidth=1, zorder=0)
        for index, (label, bits, marker) in enumerate(series):
            shown = [(b, y) for y, b in zip(positions, bits, strict=True) if b is not None]
            xs, ys = [b for b, _ in shown], [y + 0.1 * (index - 2) for _, y in shown]
            color = COLORS[(7, 1, 2, 0, 4)[index]]
            axes.scatter(xs, ys, s=34, marker=marker, color=color, label=label, zorder=2)
        axes.set_yticks(list(positions), names)
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_xlim(0, 34)
        axes.set_xlabel("accumulator bits")
        legend(axes, 2)

    yield picture("accumulator_bits.png", "Accumulator bits by layer",
                "dots: accumulator bits of every layer as trained, bounded, exact and implemented",
                1.6 + 0.42 * len(names), draw)  # fmt: skip


def _lut_total(summary: Summary) -> Iterator[Plot]:
    rows = summary["accumulator_comparison"]
    if not rows:
        return
    parts = _by_module(summary, rows)

    def draw(axes: Axes) -> None:
        policies = [row["policy"] for row in rows]
        left = [0] * len(rows)
        for index, (module, luts) in enumerate(parts.items()):
            axes.barh(policies, luts, left=left, color=COLORS[index % len(COLORS)], height=0.6, label=module)
            left = [a + b for a, b in zip(left, luts, strict=True)]
        for y, row in enumerate(rows):
            axes.annotate(integer(row["total"]["LUT"]), (left[y], y), (3, 0), textcoords="offset points", va="center")
        axes.invert_yaxis()
        axes.set_xlim(0, max(left) * 1.18 or 1)
        axes.set_xlabel("LUT (Yosys)")
        if len(parts) > 1:
            legend(axes, 3)

    yield picture("lut_by_policy.png", "LUT by accumulator policy and operator",
                "stacked bars: LUTs of the design under every accumulator policy, by operator",
                1.6 + 0.3 * len(rows), draw)  # fmt: skip


def _by_module(summary: Summary, rows: Sequence[PolicyRow]) -> dict[str, list[int]]:
    """{RTL module: LUTs under every policy}; one bar where the rows say nothing of the layers."""
    tool = summary.get("resources", {}).get("yosys")
    if tool is None or any("layers" not in row for row in rows):
        return {"all": [row["total"]["LUT"] for row in rows]}
    parts: dict[str, list[int]] = {}
    for layer in tool["layers"]:
        luts = parts.setdefault(layer["impl"], [0] * len(rows))
        for i, row in enumerate(rows):
            luts[i] += row["layers"].get(layer["name"], {"LUT": 0})["LUT"]
    return dict(sorted(parts.items(), key=lambda item: -max(item[1])))


def _lut_by_layer(summary: Summary) -> Iterator[Plot]:
    rows: Sequence[Mapping[str, Any]] = [row for row in summary["accumulator_comparison"] if "layers" in row]
    if not rows:
        return
    names = [n for n in rows[0]["layers"] if len({row["layers"][n]["LUT"] for row in rows}) > 1]
    if not names:
        return

    def draw(axes: Axes) -> None:
        thick = 0.8 / len(rows)
        for index, row in enumerate(rows):
            places = [y - 0.4 + thick * (index + 0.5) for y in range(len(names))]
            luts = [row["layers"][n]["LUT"] for n in names]
            axes.barh(places, luts, height=thick, color=COLORS[index % len(COLORS)], label=row["policy"])
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_xlabel("LUT (Yosys)")
        legend(axes, 4)

    yield picture("lut_by_layer.png", "LUT by layer and accumulator policy",
                "grouped bars: LUTs of every layer that depends on the accumulator policy",
                1.0 + 0.5 * len(names), draw)  # fmt: skip


def _timeline(summary: Summary) -> Iterator[Plot]:
    layers = summary.get("performance", {}).get("timeline")
    if not layers:
        return

    def draw(axes: Axes) -> None:
        for y, layer in enumerate(layers):
            for number, (first, last) in enumerate(layer["frames"]):
                color = COLORS[number % len(COLORS)]
                # Frames overlap where a layer takes the next one before it has put out the last beat of this one.
                axes.barh(y, last + 1 - first, left=first, height=0.7, color=color, alpha=0.75)
        axes.set_yticks(range(len(layers)), [layer["name"] for layer in layers], fontsize=7.0)
        axes.set_ylim(len(layers) - 0.5, -0.5)
        axes.set_xlabel("cycle (cycle model)")

    yield picture("timeline.png", "Which layer works when",
                "bars: for every layer and each of the first frames, from its first input to its last output beat",
                1.0 + 0.16 * len(layers), draw)  # fmt: skip


def _sparsity(summary: Summary) -> Iterator[Plot]:
    layers = summary["layers"]
    if not layers:
        return

    def draw(axes: Axes) -> None:
        shares = [100 * x["sparsity"] for x in layers]
        bars = axes.barh([x["name"] for x in layers], shares, color=COLORS[2], height=0.6)
        axes.bar_label(bars, [percent(x["sparsity"]) for x in layers], padding=3)
        axes.invert_yaxis()
        axes.set_xlim(0, 118)
        axes.set_xlabel("zero weights, %")

    yield picture("sparsity.png", "Zero weights by layer", "bars: share of zero weights of every layer",
                  0.9 + 0.3 * len(layers), draw)  # fmt: skip


def _kinds(summary: Summary) -> Iterator[Plot]:
    """Which operators take the resources, of every tool that says so by instance."""
    for tool, found in summary.get("resources", {}).items():
        if tool == "vitis" or not found["layers"]:  # type: ignore[index]
            continue
        shares = by_module(found["layers"])  # type: ignore[index]
        kinds = [kind for kind in RESOURCES if any(counts[kind] for counts in shares.values())]
        totals = {kind: sum(counts[kind] for counts in shares.values()) for kind in kinds}

        def draw(
            axes: Axes, shares: Any = shares, kinds: Any = kinds, totals: Any = totals, by: str = TOOLS[tool]
        ) -> None:
            left = [0.0] * len(kinds)
            for index, (module, counts) in enumerate(shares.items()):
                widths = [100 * counts[kind] / totals[kind] for kind in kinds]
                axes.barh(kinds, widths, left=left, color=COLORS[index % len(COLORS)], height=0.6, label=module)
                left = [a + b for a, b in zip(left, widths, strict=True)]
            for y, kind in enumerate(kinds):
                axes.annotate(integer(totals[kind]), (100, y), (3, 0), textcoords="offset points", va="center")
            axes.invert_yaxis()
            axes.set_xlim(0, 118)
            axes.set_xlabel(f"share of the operators, % ({by})")
            legend(axes, 3)

        yield picture(
            f"resources_{tool}.png", f"Resources by kind and operator ({TOOLS[tool]})",
            "stacked bars: which operators take which share of every kind of resource, with the totals",
            1.4 + 0.3 * len(kinds) + 0.06 * len(shares), draw,
        )  # fmt: skip


def by_module(layers: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """{RTL module: its resources in all instances}, the one with the most LUTs first."""
    found: dict[str, dict[str, int]] = {}
    for layer in layers:
        counts = found.setdefault(layer["impl"], dict.fromkeys(RESOURCES, 0))
        for kind in RESOURCES:
            counts[kind] += layer[kind]
    return dict(sorted(found.items(), key=lambda item: -item[1]["LUT"]))


def _fifos(summary: Summary) -> Iterator[Plot]:
    depths = summary.get("performance", {}).get("fifo_depths")
    if not depths:
        return

    def draw(axes: Axes) -> None:
        bars = axes.barh(list(depths), list(depths.values()), color=COLORS[5], height=0.7)
        axes.bar_label(bars, [integer(d) for d in depths.values()], padding=3, fontsize=7.0)
        axes.tick_params(axis="y", labelsize=7.0)
        axes.set_ylim(len(depths) - 0.5, -0.5)
        axes.set_xlim(0, max(depths.values()) * 1.12)
        axes.set_xlabel("depth, beats")

    yield picture("fifo_depths.png", "FIFO depths", "bars: the depth of every FIFO in beats",
                  0.9 + 0.16 * len(depths), draw)  # fmt: skip


DRAWN = (_accuracy, _bits, _lut_total, _lut_by_layer, _kinds, _sparsity, _fifos, _timeline)
