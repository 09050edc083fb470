"""The tables of a summary, as text: the console and the page show the same ones.

Every figure is one of the summary's own, formatted here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from flows.report.summary import StepUsage, Summary, VitisResources
from flows.synthesize.cells import RESOURCES

CHECK_NAMES = {
    "brevitas_vs_golden": "golden model against Brevitas",
    "expected_vs_golden": "golden model against the expected output",
    "rtl_layers": "RTL, layer by layer",
    "rtl_stitched": "RTL, the whole accelerator",
    "hls_layers": "HLS, layer by layer",
    "hls_top": "HLS, the whole accelerator",
    "driver": "driver, through the simulated AXI interfaces",
}
WORK = {
    "fifos_enough": "FIFO depths that are enough (cycle model)",
    "fifos_least": "FIFO depths as low as they can be (cycle model)",
    "rtlsim_frame": "rtlsim, of it one frame",
}
"""Of the seconds, where the name says too little."""
TOOLS = {"yosys": "Yosys", "vitis": "Vitis HLS", "vivado": "Vivado"}


@dataclass(frozen=True)
class Table:
    """`columns` and `rows` of text. `source`: which tool the figures come from; `text_columns` are left-aligned.

    For the page alone: `links`, an address or "" for each row's first cell; `marks`, a name for each row that its dot
    in a picture has too (`svg.inline`); `folded`, shown on request.
    """

    key: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    source: str = ""
    note: str = ""
    text_columns: int = 1
    links: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    folded: bool = False


def integer(value: int) -> str:
    return f"{value:,}"


def number(value: float) -> str:
    """At most two decimals, none where it is an integer."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"


def rate(value: float) -> str:
    """Frames per second: no decimals where they say nothing."""
    return f"{value:,.0f}" if value >= 100 else number(value)


def percent(fraction: float) -> str:
    return f"{100 * fraction:.1f} %"


def metric(value: float, kind: str) -> str:
    return f"{value:.2f} {'%' if kind == 'accuracy' else 'dB'}"


def tables(summary: Summary) -> tuple[Table, ...]:
    """Every table that the summary has figures for, in the page's order."""
    made = (
        _training(summary), _accumulators(summary), _channels(summary), _verification(summary), _performance(summary),
        *_resources(summary), _comparison(summary), _by_layer_and_policy(summary), _traffic(summary), _fifos(summary),
        *_layers(summary), _seconds(summary), steps(summary.get("steps", {})),
    )  # fmt: skip
    return tuple(table for table in made if table is not None and table.rows)


def _training(summary: Summary) -> Table | None:
    t = summary["training"]
    if t is None:
        return None
    kind = t["metric"]
    row = (
        t["method"].upper(),
        t["dataset"],
        t["split"],
        metric(t["float_metric"], kind),
        metric(t["quant_metric"], kind),
    )
    return Table("training", "Training", ("method", "data set", "split", f"float {kind}", f"quantized {kind}"), (row,),
                 text_columns=3)  # fmt: skip


def _accumulators(summary: Summary) -> Table:
    columns = (
        "layer", "matrix", "PE", "SIMD", "weights", "inputs", "trained", "data-type bound", "exact", "implemented",
        "zero weights",
    )  # fmt: skip
    rows = tuple(
        (
            x["name"], f"{x['mw']} × {x['mh']}", integer(x["pe"]), integer(x["simd"]), str(x["weight_bits"]),
            str(x["input_bits"]), "–" if x["trained_bits"] is None else str(x["trained_bits"]),
            str(x["datatype_bits"]), str(x["exact_bits"]), _lanes(x["lane_bits"]), percent(x["sparsity"]),
        )
        for x in summary["layers"]
    )  # fmt: skip
    note = (
        "Widths in bits. trained: the width that training guaranteed (– where the layer was not constrained); exact: "
        "the range of the trained integer weights; implemented: of the narrowest and the widest PE lane in hardware."
    )
    return Table("accumulators", "Accumulators", columns, rows, note=note)


def _channels(summary: Summary) -> Table:
    rows = tuple(
        (x["name"], *(_became(x[key]) for key in ("inputs", "outputs", "lane_bits")))
        for x in summary.get("channels", [])
    )
    note = (
        "Layers that are not built as they were imported: channels that no output depends on are left out, those of a "
        "folded MVAU sorted by width. lanes: bits of all accumulators together, by the exact ranges, for the order as "
        "imported and as built. Every tensor was compared with the imported network's."
    )
    return Table("channels", "Channels removed and sorted", ("layer", "inputs", "outputs", "lanes"), rows, note=note)


def _became(ends: Sequence[int]) -> str:
    return " → ".join(map(integer, dict.fromkeys(ends)))


def _lanes(bits: Sequence[int]) -> str:
    return str(max(bits)) if min(bits) == max(bits) else f"{min(bits)} to {max(bits)}"


def _verification(summary: Summary) -> Table:
    rows = tuple(
        (CHECK_NAMES[name], integer(check["frames"]), integer(check["mismatches"]))  # type: ignore[index]
        for name, check in summary["verification"].items()
    )
    note = "Compared integer by integer. What is not listed was not run."
    return Table("verification", "Verification", ("comparison", "frames", "mismatches"), rows, note=note)


def _performance(summary: Summary) -> Table | None:
    p = summary.get("performance")
    if p is None:
        return None
    rows = [
        ("bound", f"{integer(p['bound_cycles'])} cycles", "estimate"),
        ("slowest layer", p["bound_layer"], "estimate"),
    ]
    if "interval_cycles" in p:
        rows.insert(0, ("interval", f"{number(p['interval_cycles'])} cycles", p["source"]))
    if "latency_cycles" in p:
        rows.insert(0, ("latency", f"{integer(p['latency_cycles'])} cycles", p["source"]))
    if model := p.get("cycle_model"):
        rows.append(("interval", f"{number(model['interval_cycles'])} cycles", "cycle model"))
        rows.append(("latency", f"{integer(model['latency_cycles'])} cycles", "cycle model"))
    if "clk_period_ns" in p:
        rows.append(("clock period", f"{number(p['clk_period_ns'])} ns", "configuration"))
    if "latency_us" in p:
        rows.append(("latency at this clock", f"{number(p['latency_us'])} µs", p["source"]))
    if "fps" in p:
        rows.append(("frames per second at this clock", rate(p["fps"]), p["source"]))
    note = "interval: cycles from frame to frame; bound: the beats of the slowest layer, which it cannot undercut."
    return Table("performance", "Performance", ("figure", "value", "source"), tuple(rows), note=note)


def _resources(summary: Summary) -> Iterator[Table]:
    for tool, found in summary.get("resources", {}).items():
        if tool == "vitis":
            yield _vitis(found)  # type: ignore[arg-type]
            continue
        share, capacity = found.get("share", {}), found.get("capacity")  # type: ignore[attr-defined]
        rows = tuple(
            (
                name, integer(found["total"][name]),  # type: ignore[index]
                integer(capacity[name]) if capacity else "–", percent(share[name]) if name in share else "–",
            )
            for name in RESOURCES
        )  # fmt: skip
        note = f"{found['scope']}, for {found['part']} ({found['family']}). "  # type: ignore[index]
        if "timing" in found:  # type: ignore[operator]
            timing = found["timing"]  # type: ignore[index]
            note += (
                "With the DMA and the interconnect of the block design, routed. Worst slack "
                f"{timing['wns_ns']:.3f} ns (setup), {timing['whs_ns']:.3f} ns (hold): {timing['fmax_mhz']:.1f} MHz. "
            )
        else:
            note += _UNITS
        if "critical_path" in found:  # type: ignore[operator]
            path = found["critical_path"]  # type: ignore[index]
            note += (
                f" Longest path within an instance, an estimate of Yosys' sta: {path['ns']:.2f} ns in "
                f"{path['instance']}; cells alone, without wires, which as a rule of thumb take as much again."
            )
        columns = ("resource", "used", "of the part", "share")
        yield Table(f"resources_{tool}", f"Resources ({TOOLS[tool]})", columns, rows, tool, note)


def _vitis(found: VitisResources) -> Table:
    def shown(value: int | None) -> str:
        return "–" if value is None else integer(value)

    rows = [(name, integer(value), "csynth") for name, value in found["total"].items()]  # type: ignore[arg-type]
    rows += [
        ("latency, cycles", shown(found["latency_cycles"]), "csynth"),
        ("interval, cycles", shown(found["interval_cycles"]), "csynth"),
        ("latency, cycles", shown(found["cosim_latency_cycles"]), "C/RTL cosimulation"),
        ("interval, cycles", shown(found["cosim_interval_cycles"]), "C/RTL cosimulation"),
        ("slack", f"{number(found['slack_ns'])} ns of {number(found['target_ns'])} ns", "csynth"),
    ]
    note = f"{found['top']}, for {found['part']}; the HLS design, not the RTL that the other tables are of."
    return Table(
        "resources_vitis", f"Resources ({TOOLS['vitis']})", ("figure", "value", "source"), tuple(rows), "vitis", note
    )  # fmt: skip


_UNITS = (
    "LUT includes LUTRAM and SRL in LUT equivalents; CARRY in CARRY4 units; LUTs are not packed in pairs. The adder "
    "tree of an MVAU is registered before its accumulator, whatever the accumulator's width."
)


def _layers(summary: Summary) -> Iterator[Table]:
    for tool, found in summary.get("resources", {}).items():
        if tool == "vitis":
            continue
        rows = tuple(
            (x["name"], x["impl"], *(integer(x[name]) for name in RESOURCES), f"{x['path_ns']:.2f}")
            for x in found["layers"]  # type: ignore[index]
        )
        if not rows:
            continue
        columns = ("instance", "module", *RESOURCES, "path, ns")
        yield Table(f"layers_{tool}", f"Resources by instance ({TOOLS[tool]})", columns, rows, tool, text_columns=2)


def _comparison(summary: Summary) -> Table | None:
    rows = summary["accumulator_comparison"]
    if not rows:
        return None
    layers = tuple(rows[0]["bits"])
    used = [name for name in RESOURCES if any(row["total"][name] for row in rows)]  # type: ignore[literal-required]
    columns = ("policy", *(f"{layer}, bits" for layer in layers), *used)
    body = tuple(
        (row["policy"], *(str(row["bits"][layer]) for layer in layers),
         *(integer(row["total"][name]) for name in used))  # type: ignore[literal-required]
        for row in rows
    )  # fmt: skip
    note = "The same network, weights and folding; only the accumulators' widths differ, and what depends on them."
    return Table("comparison", "Accumulator policies", columns, body, "yosys", note)


def _by_layer_and_policy(summary: Summary) -> Table | None:
    rows = [row for row in summary["accumulator_comparison"] if "layers" in row]
    if not rows:
        return None
    names = [name for name in rows[0]["layers"] if len({row["layers"][name]["LUT"] for row in rows}) > 1]
    body = tuple(
        (name, *(str(row["bits"].get(name, "–")) for row in rows),
         *(integer(row["layers"][name]["LUT"]) for row in rows))
        for name in names
    )  # fmt: skip
    columns = ("instance", *(f"{row['policy']}, bits" for row in rows), *(f"{row['policy']}, LUT" for row in rows))
    note = "Instances whose LUTs depend on the policy; bits: of the widest accumulator lane, – where there is none."
    return Table("lut_by_policy", "LUT by instance and policy", columns, body, "yosys", note)


def _fifos(summary: Summary) -> Table | None:
    p = summary.get("performance")
    rows = tuple((name, integer(depth)) for name, depth in p["fifo_depths"].items()) if p else ()
    total = integer(p["fifo_bits"]) if p and "fifo_bits" in p else None
    note = "" if total is None else f"{total} bits in all."
    return Table("fifos", "FIFO depths", ("FIFO", "beats"), rows, note=note)


def _traffic(summary: Summary) -> Table | None:
    rows = summary.get("performance", {}).get("traffic")
    if not rows:
        return None
    body = tuple(
        (x["name"], integer(x["beats"]), integer(x["stalls"]), integer(x["starves"]), percent(x["active"]))
        for x in rows
    )
    note = (
        f"Cycles of the {integer(rows[0]['cycles'])} that the run at full speed took, filling and draining included. "
        "stalls: its output waited for its reader; starves: it waited for input."
    )
    columns = ("layer", "input beats", "stalls", "starves", "input beats a cycle")
    return Table("traffic", "Who waits for whom", columns, body, "rtlsim", note)


def _seconds(summary: Summary) -> Table:
    rows = tuple((WORK.get(name, name), number(value)) for name, value in summary["seconds"].items())
    return Table("seconds", "Seconds by kind of work", ("work", "s"), rows)


def steps(used: Mapping[str, StepUsage]) -> Table:
    """What every step took when it last ran."""
    rows = tuple(
        (name, number(u["seconds"]), number(u["cpu_seconds"]), number(round(u["peak_memory_mib"])))
        for name, u in used.items()
    )
    note = "Peak memory: resident, of the build and all the processes below it together."
    return Table("steps", "What each step took", ("step", "s", "processor s", "peak MiB"), rows, note=note)
