"""The certificate (`accumulators.json`) on the page: what every layer and every output channel can sum to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from flows.report.plots import COLORS, Plot, legend, picture
from flows.report.svg import INK
from flows.report.tables import Table, integer

MOST_CHANNELS = 1_000
"""Of one layer on the page; a longer list is left to the file."""
Certificate = Mapping[str, Any]


def certificate_tables(certificate: Certificate | None) -> tuple[Table, ...]:
    """A table of the layers, then a folded one of the output channels of each."""
    if certificate is None or not certificate["layers"]:
        return ()
    layers = certificate["layers"]
    return (_layers(layers), *(_channels(layer) for layer in layers if len(layer["channels"]) <= MOST_CHANNELS))


def _layers(layers: Sequence[Mapping[str, Any]]) -> Table:
    columns = (
        "layer", "weights", "inputs", "input range", "channels", "least sum", "largest sum", "largest ‖q‖₁",
        "‖q‖₁ budget", "trained, bits", "exact, bits", "implemented, bits", "slack, bits",
    )  # fmt: skip
    note = (
        "Of every partial sum in any order, computed in integers from the trained weights and the input range; sums "
        "and ‖q‖₁ of the channel where they are largest; budget: what training allowed; slack: implemented beyond "
        "exact, narrowest to widest channel. Rechecked from the emitted weight files by flows.certificate.recheck."
    )
    return Table("certificate", "Certificate", columns, tuple(_layer(x) for x in layers), note=note)


def _layer(layer: Mapping[str, Any]) -> tuple[str, ...]:
    channels = layer["channels"]
    slack = [c["slack"] for c in channels]
    return (
        layer["name"], layer["weight_type"], layer["input_type"], _range(layer["input_range"]), integer(len(channels)),
        signed(min(c["acc_min"] for c in channels)), signed(max(c["acc_max"] for c in channels)),
        integer(max(c["l1"] for c in channels)), _or_dash(layer["l1_budget"]), _or_dash(layer["trained_bits"]),
        str(layer["exact_bits"]), str(layer["implemented_bits"]), span(min(slack), max(slack)),
    )  # fmt: skip


def _channels(layer: Mapping[str, Any]) -> Table:
    columns = ("channel", "least sum", "largest sum", "‖q‖₁", "exact, bits", "implemented, bits", "slack, bits")
    rows = tuple(
        (
            str(index), signed(c["acc_min"]), signed(c["acc_max"]), integer(c["l1"]), str(c["exact_bits"]),
            str(c["implemented_bits"]), str(c["slack"]),
        )
        for index, c in enumerate(layer["channels"])
    )  # fmt: skip
    name = layer["name"]
    return Table(f"certificate_{name}", f"Certificate of {name}, channel by channel", columns, rows, folded=True)


def certificate_plots(certificate: Certificate | None) -> tuple[Plot, ...]:
    """How many channels of each layer need how many bits."""
    return () if certificate is None or not certificate["layers"] else tuple(_widths(certificate["layers"]))


def _widths(layers: Sequence[Mapping[str, Any]]) -> Iterator[Plot]:
    def draw(axes: Axes) -> None:
        for y, layer in enumerate(layers):
            counts = Counter(c["exact_bits"] for c in layer["channels"])
            most = max(counts.values())
            sizes = [8.0 + 160.0 * n / most for n in counts.values()]
            axes.scatter(list(counts), [y] * len(counts), s=sizes, color=COLORS[0], alpha=0.75, linewidth=0)
            for bits, n in counts.items():
                axes.annotate(str(n), (bits, y), (0, 9), textcoords="offset points", ha="center", fontsize=7.0)
        trained = [(x["trained_bits"], y) for y, x in enumerate(layers) if x["trained_bits"] is not None]
        if trained:
            xs, ys = zip(*trained, strict=True)
            axes.scatter(xs, ys, marker="|", s=420, color=COLORS[4], linewidth=2, label="trained for")
        ends = [x["implemented_bits"] for x in layers]
        axes.scatter(ends, range(len(layers)), marker="x", s=30, color=INK, label="implemented, widest lane")
        axes.set_yticks(range(len(layers)), [x["name"] for x in layers])
        axes.set_ylim(len(layers) - 0.5, -0.6)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("bits that the exact range of an output channel needs")
        legend(axes, 2)

    yield picture("channel_bits.png", "Output channels by exact width",
                  "dots: how many output channels of every layer need how many accumulator bits",
                  1.3 + 0.42 * len(layers), draw)  # fmt: skip


def signed(value: int) -> str:
    """With a minus sign as long as a plus."""
    return f"{value:,}".replace("-", "−")


def _range(ends: Sequence[int]) -> str:
    return f"{signed(ends[0])} to {signed(ends[1])}"


def span(low: int, high: int) -> str:
    """One number, or from where to where."""
    return str(high) if low == high else f"{low} to {high}"


def _or_dash(value: int | None) -> str:
    return "–" if value is None else integer(value)
