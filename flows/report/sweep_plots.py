"""The plots of a sweep: metric and sparsity against the accumulator's width, activation bits, metric against LUTs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from flows.report.plots import COLORS, Plot, legend, picture
from flows.report.study import mark, value
from flows.report.svg import LINE, SOFT
from flows.report.tables import metric
from flows.sweep.table import Group, Spread

INCHES = 3.4
MARKERS = ("o", "s", "D", "^", "v", "P", "X", "*")


def sweep_plots(groups: Sequence[Group]) -> tuple[Plot, ...]:
    """Every plot that the groups have figures for."""
    found = [g for g in groups if "quant_metric" in g.figures]
    if not found:
        return ()
    return tuple(plot for make in (_luts, _metric_by_width, _sparsity, _activations) for plot in make(found))


def _label(kind: str) -> str:
    return "accuracy on the test split, %" if kind == "accuracy" else "PSNR on the test split, dB"


def _trained(groups: Sequence[Group], activation_bits: int) -> list[Group]:
    """One group a training of that activation width: the hardware that was built from it does not change the metric.

    None with a P of its own for every layer, which has no place on an axis of P.
    """
    found: dict[tuple[Any, Any], Group] = {}
    for group in groups:
        if group.axes["activation_bits"] == activation_bits and group.axes["layer_bits"] is None:
            found.setdefault((group.axes["method"], group.axes["accumulator_bits"]), group)
    return list(found.values())


def _activation_widths(groups: Sequence[Group]) -> list[int]:
    return sorted({g.axes["activation_bits"] for g in groups if g.axes["layer_bits"] is None} - {None})


def _lines(axes: Axes, groups: Sequence[Group], of: Callable[[Group], str], figure: str, scale: float = 1.0) -> None:
    """A line with error bars for every label that `of` gives; a band where the groups have no width P (`qat`)."""
    by_label: dict[str, list[Group]] = {}
    for group in groups:
        by_label.setdefault(of(group), []).append(group)
    for index, (label, members) in enumerate(by_label.items()):
        color, marker = COLORS[index % len(COLORS)], MARKERS[index % len(MARKERS)]
        if members[0].axes["accumulator_bits"] is None:
            _band(axes, members[0].figures[figure], scale, label, color)
            continue
        shown = sorted(members, key=lambda g: g.axes["accumulator_bits"])
        spreads = [g.figures[figure] for g in shown]
        axes.errorbar(
            [g.axes["accumulator_bits"] for g in shown], [scale * s.mean for s in spreads],
            yerr=[scale * (s.deviation or 0.0) for s in spreads], color=color, marker=marker, markersize=4,
            capsize=2.5, linewidth=1.4, label=label,
        )  # fmt: skip
    axes.set_xlabel("accumulator bits P")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y", color=LINE, linewidth=0.8)
    axes.set_axisbelow(True)


def _band(axes: Axes, found: Spread, scale: float, label: str, color: str) -> None:
    around = scale * (found.deviation or 0.0)
    axes.axhline(scale * found.mean, color=color, linewidth=1.4, linestyle="--", label=label)
    axes.axhspan(scale * found.mean - around, scale * found.mean + around, color=color, alpha=0.15, linewidth=0)


def _method(group: Group) -> str:
    name = str(group.axes["method"]).upper()
    return name if group.axes["accumulator_bits"] is not None else f"{name} (no P)"


def _activation_bits(group: Group) -> str:
    return f"N = {group.axes['activation_bits']}"


def _metric_by_width(groups: Sequence[Group]) -> Iterator[Plot]:
    kind = str(groups[0].metric)
    for bits in _activation_widths(groups):
        shown = _trained(groups, bits)

        def draw(axes: Axes, shown: Sequence[Group] = shown) -> None:
            _lines(axes, shown, _method, "quant_metric")
            _band(axes, shown[0].figures["float_metric"], 1.0, "float", SOFT)
            axes.set_ylabel(_label(kind))
            legend(axes, 4)

        yield picture(
            f"{kind}_by_width_N{bits}.png", f"{kind.capitalize()} against P, activations of {bits} bits",
            f"lines: {kind} of every method against the accumulator's width, mean and spread over the seeds",
            INCHES, draw,
        )  # fmt: skip


def _sparsity(groups: Sequence[Group]) -> Iterator[Plot]:
    for bits in _activation_widths(groups):
        shown = _trained(groups, bits)

        def draw(axes: Axes, shown: Sequence[Group] = shown) -> None:
            _lines(axes, shown, _method, "sparsity", 100.0)
            axes.set_ylabel("zero weights, %")
            legend(axes, 4)

        yield picture(
            f"sparsity_by_width_N{bits}.png", f"Zero weights against P, activations of {bits} bits",
            "lines: share of zero weights of every method against the accumulator's width", INCHES, draw,
        )  # fmt: skip


def _activations(groups: Sequence[Group]) -> Iterator[Plot]:
    widths = _activation_widths(groups)
    if len(widths) < 2:
        return
    kind = str(groups[0].metric)
    for method in dict.fromkeys(g.axes["method"] for g in groups if g.axes["accumulator_bits"] is not None):
        shown = [g for bits in widths for g in _trained(groups, bits) if g.axes["method"] == method]

        def draw(axes: Axes, shown: Sequence[Group] = shown) -> None:
            _lines(axes, shown, _activation_bits, "quant_metric")
            axes.set_ylabel(_label(kind))
            legend(axes, 4)

        name = str(method)
        yield picture(
            f"activation_bits_{name.replace('+', 'plus')}.png", f"Activation bits N and width P, {name.upper()}",
            f"lines: {kind} against the accumulator's width for every activation width", INCHES, draw,
        )  # fmt: skip


def _luts(groups: Sequence[Group]) -> Iterator[Plot]:
    """The metric against LUTs: a colour for each method, a shape for each policy, P beside what is on the front."""
    # Of one tool, as the front is.
    tool = next((name for name in ("LUT", "vivado_LUT") if any(name in g.figures for g in groups)), "")
    built = [g for g in groups if tool in g.figures]
    if not built:
        return
    counted = "LUT (Yosys)" if tool == "LUT" else "LUT (Vivado)"
    kind = str(built[0].metric)
    methods = list(dict.fromkeys(g.axes["method"] for g in built))
    policies = list(dict.fromkeys(g.axes["policy"] for g in built))

    def draw(axes: Axes) -> None:
        for g in built:
            lut, reached = g.figures[tool], g.figures["quant_metric"]
            color = COLORS[methods.index(g.axes["method"]) % len(COLORS)]
            axes.errorbar(
                lut.mean, reached.mean, xerr=lut.deviation or 0.0, yerr=reached.deviation or 0.0, color=color,
                linestyle="", capsize=2.5, zorder=2,
            )  # fmt: skip
            shape = MARKERS[policies.index(g.axes["policy"]) % len(MARKERS)]
            axes.plot(lut.mean, reached.mean, shape, color=color, markersize=6, gid=mark(g.axes), zorder=3)
        for number, (place, text) in enumerate(sorted(_front_labels(built, tool).items())):
            # Neighbours may be close: below and above in turn.
            axes.annotate(text, place, (5, (-10, 5)[number % 2]), textcoords="offset points", fontsize=7.0)
        front = sorted((g.figures[tool].mean, g.figures["quant_metric"].mean) for g in built if g.on_front)
        if front:
            axes.step(
                *zip(*front, strict=True), where="post", color=SOFT, linewidth=1.0, label="Pareto front", zorder=1
            )
        for index, method in enumerate(methods):
            axes.plot([], [], "s", color=COLORS[index % len(COLORS)], markersize=6, label=_known(method).upper())
        for index, policy in enumerate(policies if len(policies) > 1 else ()):
            axes.plot([], [], MARKERS[index % len(MARKERS)], color=SOFT, markersize=5, label=_known(policy))
        axes.margins(0.1)
        axes.set_xlabel(counted)
        axes.set_ylabel(_label(kind))
        axes.grid(color=LINE, linewidth=0.8)
        axes.set_axisbelow(True)
        legend(axes, 4)

    texts = {mark(g.axes): _told(g, kind, tool) for g in built}
    yield picture(f"{kind}_by_lut.png", f"{kind.capitalize()} against LUTs",
                  f"dots: {kind} and LUTs of every method and width, with the Pareto front", INCHES + 0.2, draw,
                  marks=texts)  # fmt: skip


def _front_labels(groups: Sequence[Group], tool: str) -> dict[tuple[float, float], str]:
    """The widths P of what is on the front, by place: equals share one label."""
    found: dict[tuple[float, float], list[str]] = {}
    for g in groups:
        if g.on_front and _width(g):
            found.setdefault((g.figures[tool].mean, g.figures["quant_metric"].mean), []).append(_width(g))
    return {place: _joined(list(dict.fromkeys(words))) for place, words in found.items()}


def _joined(words: Sequence[str]) -> str:
    return ", ".join([words[0], *(word.removeprefix("P = ") for word in words[1:])])


def _known(word: object) -> str:
    return "unknown" if word is None else str(word)


def _told(group: Group, kind: str, tool: str) -> str:
    axes = group.axes
    shown = [value(axes, name) for name in ("method", "policy", "build") if axes[name] is not None]
    widths = [axes["layer_bits"] or _width(group)]
    reached = metric(group.figures["quant_metric"].mean, kind)
    return f"{', '.join(filter(None, [*shown, *widths]))}: {reached}, {group.figures[tool].mean:,.0f} LUT"


def _width(group: Group) -> str:
    if group.axes["layer_bits"] is not None:
        return "P by layer"
    bits = group.axes["accumulator_bits"]
    return "" if bits is None else f"P = {bits}"
