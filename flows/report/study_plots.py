"""The pictures of a study that go into its builds: resources against P, by operator and by layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from flows.report.plots import COLORS, Plot, by_module, legend, picture
from flows.report.study import TRAINED, Built, by_axes, layers, value, varying
from flows.report.svg import LINE
from flows.report.sweep_plots import INCHES, MARKERS
from flows.sweep.table import AXES

KINDS = ("LUT", "LUTRAM", "FF", "CARRY", "BRAM_18K", "DSP")
MOST_LINES = 8
MOST_CHOICES = 24
"""Pictures of one kind on a page; the tables have every point."""
DASHES = ("-", "--", ":", "-.")


def study_plots(points: Sequence[Built]) -> tuple[Plot, ...]:
    """Every picture that the builds have figures for: of two widths P or more, as Yosys counts."""
    counted = [p for p in points if layers(p) and p.row["accumulator_bits"] is not None]
    lines = {key: _widths(members) for key, members in by_axes(counted, _others()).items()}
    lines = {key: members for key, members in lines.items() if len(members) > 1}
    if not lines:
        return ()
    named = _named(lines)
    some = dict(list(named.items())[:MOST_CHOICES])
    return (*_by_kind(named), *_by_operator(some), *_by_layer(some))


def _others() -> tuple[str, ...]:
    return tuple(name for name in (*TRAINED, *AXES) if name not in ("accumulator_bits", "build"))


def _widths(members: Sequence[Built]) -> list[Built]:
    """One point for each P, rising."""
    found = {p.row["accumulator_bits"]: p for p in members}
    return [found[width] for width in sorted(found)]


def _named(lines: Mapping[Any, list[Built]]) -> dict[str, list[Built]]:
    """By what tells the lines apart, such as "A2Q+, exact"."""
    rows = [members[0].row for members in lines.values()]
    names = [n for n in varying(rows, tuple(dict.fromkeys(_others()))) if n != "accumulator_bits"]
    return {", ".join(value(members[0].row, name) for name in names): members for members in lines.values()}


def _by_kind(lines: Mapping[str, list[Built]]) -> Iterator[Plot]:
    shown = dict(list(lines.items())[:MOST_CHOICES])
    for kind in KINDS:
        if not any(_total(p, kind) for members in shown.values() for p in members):
            continue

        def draw(axes: Axes, kind: str = kind) -> None:
            methods = list(dict.fromkeys(members[0].row["method"] for members in shown.values()))
            seen = dict.fromkeys(methods, 0)
            for label, members in shown.items():
                method = members[0].row["method"]
                color = COLORS[methods.index(method) % len(COLORS)] if len(methods) > 1 else None
                number = seen[method]
                seen[method] += 1
                axes.plot(
                    [p.row["accumulator_bits"] for p in members], [_total(p, kind) for p in members], label=label,
                    color=color or COLORS[number % len(COLORS)], linestyle=DASHES[number % len(DASHES)],
                    marker=MARKERS[number % len(MARKERS)], markersize=4, linewidth=1.4,
                )  # fmt: skip
            _against_p(axes, f"{kind} (Yosys)")
            legend(axes, 2 if len(shown) > 4 else len(shown))

        yield picture(
            f"{kind.lower()}_by_width.png", "Resources against P",
            f"lines: {kind} of the whole design against the accumulator's width", INCHES + 0.08 * len(shown), draw,
            kind,
        )  # fmt: skip


def _total(point: Built, kind: str) -> int:
    return int(point.summary["resources"]["yosys"]["total"][kind])  # type: ignore[literal-required]


def _by_operator(lines: Mapping[str, list[Built]]) -> Iterator[Plot]:
    for index, (label, members) in enumerate(lines.items()):
        parts = [by_module(list(layers(p).values())) for p in members]
        modules = sorted({m for part in parts for m in part}, key=lambda m: -max(_lut(part, m) for part in parts))

        def draw(axes: Axes, members: Any = members, parts: Any = parts, modules: Any = modules) -> None:
            places = [str(p.row["accumulator_bits"]) for p in members]
            below = [0] * len(members)
            for color, module in enumerate(modules):
                luts = [_lut(part, module) for part in parts]
                axes.bar(places, luts, bottom=below, color=COLORS[color % len(COLORS)], width=0.7, label=module)
                below = [a + b for a, b in zip(below, luts, strict=True)]
            axes.set_xlabel("accumulator bits P")
            axes.set_ylabel("LUT (Yosys)")
            legend(axes, 4)

        yield picture(
            f"operators_{index}.png", "LUT by operator across P",
            f"stacked bars: LUTs of every operator for every accumulator width, {label}", INCHES, draw, label,
        )  # fmt: skip


def _lut(part: Mapping[str, Mapping[str, int]], module: str) -> int:
    return part.get(module, {"LUT": 0})["LUT"]


def _by_layer(lines: Mapping[str, list[Built]]) -> Iterator[Plot]:
    for index, (label, members) in enumerate(lines.items()):
        found = [layers(p) for p in members]
        largest = {name: max(f[name]["LUT"] for f in found if name in f) for f in found for name in f}
        names = sorted(largest, key=lambda name: -largest[name])[:MOST_LINES]

        def draw(axes: Axes, members: Any = members, found: Any = found, names: Any = names) -> None:
            for number, name in enumerate(names):
                shown = [(p.row["accumulator_bits"], f[name]["LUT"]) for p, f in zip(members, found, strict=True)
                         if name in f]  # fmt: skip
                axes.plot(*zip(*shown, strict=True), label=name, color=COLORS[number % len(COLORS)],
                          marker=MARKERS[number % len(MARKERS)], markersize=4, linewidth=1.4)  # fmt: skip
            _against_p(axes, "LUT (Yosys)")
            legend(axes, 3)

        yield picture(
            f"layers_{index}.png", "LUT by layer across P",
            f"lines: LUTs of the largest instances against the accumulator's width, {label}", INCHES + 0.3, draw, label,
        )  # fmt: skip


def _against_p(axes: Axes, label: str) -> None:
    axes.set_xlabel("accumulator bits P")
    axes.set_ylabel(label)
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y", color=LINE, linewidth=0.8)
    axes.set_axisbelow(True)
