"""Our modules against FINN's RTL library (finn-plus), in all resources (Yosys, xc7, the same commands).

Ten convolutions, W4A4, W8A8 and W2A2, small to large, random weights, accumulators of exactly the bits they need. Per
shape the padding, the sliding window, the MVAU, a FIFO and a width converter on both sides, at the same folding, hence
with equal multiplications a cycle. FINN's MVAU multiplies in DSPs and takes its weights from a `memstream`: both are
counted. Ours holds the weights itself; the one that multiplies in DSPs, `mvau_dsp`, shall take no more LUTs and no more
DSPs, and the one of LUTs alone, `mvau`, is shown beside it. The ring of our sliding window is what FIFO sizing leaves
of it at this folding; where FINN's has no block RAM ours gets none. Thresholding is ours alone where FINN's cannot be
synthesized (`thresholding` in the result says why). What is changed in FINN's sources, and why, is in `_finn.PATCHES`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from rich.table import Table

from benchmarks import _finn
from benchmarks._chains import Layers
from flows import fifos
from flows.accumulators import analyse
from flows.design import Design, Fold
from flows.elaborate import elaborate
from flows.emit.sv import modules_used
from flows.errors import ToolFailed
from flows.graph import Graph, IntType
from flows.synthesize.jobs import OUT_OF_CONTEXT, Job, instance_job, rtl_modules, wrapper
from flows.synthesize.yosys import synthesize, version

NO_MORE = ("swg", "fmpadding", "mvau_dsp", "dwc", "fifo")
"""Modules that shall take no more LUTs, block RAMs and DSPs than FINN's."""
COLUMNS = ("LUT", "FF", "CARRY", "LUTRAM", "SRL", "BRAM_18K", "DSP")
KERNEL, PAD = 3, 1


@dataclass(frozen=True)
class Shape:
    """A 3x3 convolution with padding, its folding, and a FIFO depth."""

    weight_bits: int
    input_bits: int
    size: int
    channels: int
    outputs: int
    pe: int
    simd: int
    fifo: int

    @property
    def name(self) -> str:
        return (
            f"w{self.weight_bits}a{self.input_bits}_{self.size}x{self.size}x{self.channels}_{self.outputs}"
            f"_pe{self.pe}_simd{self.simd}"
        )


SHAPES = (
    Shape(4, 4, 8, 8, 16, 2, 4, 2), Shape(4, 4, 16, 16, 16, 4, 8, 16), Shape(4, 4, 16, 16, 32, 8, 16, 64),
    Shape(4, 4, 32, 32, 32, 4, 32, 300), Shape(8, 8, 8, 3, 8, 2, 3, 4), Shape(8, 8, 16, 8, 16, 4, 4, 32),
    Shape(8, 8, 16, 16, 32, 4, 8, 128), Shape(2, 2, 8, 8, 16, 4, 8, 8), Shape(2, 2, 16, 16, 32, 8, 16, 100),
    Shape(2, 2, 32, 32, 64, 8, 32, 512),
)  # fmt: skip


def design_of(shape: Shape, impl: str = "folded", ram_style: str = "auto") -> tuple[Graph, Design]:
    """Padding, window, MVAU and thresholds of `shape`, folded; `impl`: of the MVAU; `ram_style`: of the window.

    The window's memory is as the flow builds it; the FIFO of the comparison is one of its own.
    """
    layers = Layers((shape.size, shape.size, shape.channels), bits=shape.input_bits, seed=SHAPES.index(shape))
    layers.pad(PAD).window(KERNEL)
    layers.mvau(shape.outputs, shape.weight_bits).thresholds(shape.input_bits)
    graph = layers.graph(shape.name)
    folding = {
        "FMPadding_0": Fold(1, shape.simd),
        "ConvolutionInputGenerator_0": Fold(1, shape.simd, ram_style=ram_style),
        "MVAU_0": Fold(shape.pe, shape.simd, impl=impl), "Thresholding_0": Fold(shape.pe, 1),
    }  # fmt: skip
    widths = {name: w.implemented("exact") for name, w in analyse(graph).items()}
    sizing = fifos.size(lambda depths: elaborate(graph, folding, widths, depths), {})
    return graph, elaborate(graph, folding, widths, sizing.rings)


def own_jobs(shape: Shape, ram_style: str) -> dict[str, Job]:
    """{module: our job}, with both forms of the MVAU."""
    found = {}
    for one in (design_of(shape, impl, ram_style)[1] for impl in ("folded", "dsp")):
        found |= {i.module: instance_job(one, i) for i in one.instances if i.op}
    width = shape.simd * shape.input_bits
    for module, params, bits in (
        ("fifo", {"WIDTH": width, "DEPTH": shape.fifo, "RAM_STYLE": "auto", "SIM_ID": 0}, (width, width)),
        ("dwc", dict(zip(("IN_WIDTH", "OUT_WIDTH"), converted(shape), strict=True)), converted(shape)),
    ):
        text = wrapper(module, params, dict(zip(("s_axis", "m_axis"), bits, strict=True)))
        sources = {f"{name}.sv": rtl_modules()[name] for name in modules_used(rtl_modules(), text)} | {
            f"{OUT_OF_CONTEXT}.sv": text
        }
        found[module] = _job(module, sources)
    return found


def _job(name: str, sources: Mapping[str, str]) -> Job:
    return Job(name, OUT_OF_CONTEXT, {PurePosixPath(path): text for path, text in sources.items()})


def converted(shape: Shape) -> tuple[int, int]:
    """Bits of the width converter: a lane to all lanes in every second shape, and back in the others."""
    narrow, wide = shape.input_bits, shape.simd * shape.input_bits
    return (narrow, wide) if SHAPES.index(shape) % 2 else (wide, narrow)


def finn_jobs(shape: Shape, graph: Graph, design: Design) -> dict[str, Job]:
    """{module: FINN's job}; "memstream" belongs to "mvau"."""
    padded = shape.size + 2 * PAD
    dtype = IntType(shape.input_bits, False)
    mvau = design.instance("MVAU_0")
    words = design.instance("MVAU_0").memories[0].text
    words_bits = shape.pe * shape.simd * shape.weight_bits
    size, kernel, one, pad = (shape.size, shape.size), (KERNEL, KERNEL), (1, 1), (PAD, PAD, PAD, PAD)
    matrix = {
        "MW": KERNEL * KERNEL * shape.channels, "MH": shape.outputs, "PE": shape.pe, "SIMD": shape.simd,
        "WEIGHT_WIDTH": shape.weight_bits, "ACTIVATION_WIDTH": shape.input_bits,
        "ACCU_WIDTH": max(*mvau.lane_bits, shape.weight_bits + shape.input_bits), "NARROW_WEIGHTS": 1,
        "SIGNED_ACTIVATIONS": 0,
    }  # fmt: skip
    return {
        "fmpadding": _finn.fmpadding("fmpadding", size, pad, shape.channels, shape.simd, shape.input_bits),
        "swg": _finn.swg("swg", (padded, padded), kernel, one, shape.channels, shape.simd, dtype),
        "mvau": _finn.mvu("mvau", matrix),
        "memstream": _finn.memstream("memstream", len(words.split()), words_bits, words),
        "fifo": _finn.fifo("fifo", shape.simd * shape.input_bits, shape.fifo),
        "dwc": _finn.dwc("dwc", *converted(shape)),
    }  # fmt: skip


def measure(shape: Shape, folder: Path) -> dict[str, Any]:
    """{"shape", "ours": {module: counts}, "finn": {module: counts}}."""
    finn = _counts(finn_jobs(shape, *design_of(shape)), folder / "finn")
    ours = own_jobs(shape, "auto" if finn["swg"]["BRAM_18K"] else "distributed")
    return {"shape": shape.name, "ours": _counts(ours, folder / "ours"), "finn": finn}


def _counts(jobs: Mapping[str, Job], folder: Path) -> dict[str, dict[str, int]]:
    results = synthesize(list(jobs.values()), "xc7", folder)
    return {module: dict(r.counts) for module, r in zip(jobs, results, strict=True)}


def finn_thresholding(folder: Path) -> str:
    """What Yosys says to FINN's thresholding, "" where it takes it."""
    try:
        synthesize([_finn.thresholding("thresholding", 16, 2, 12, 15)], "xc7", folder)
    except ToolFailed as error:
        return str(error).split("; log:")[0]
    return ""


def run(folder: Path) -> tuple[dict[str, Any], Table]:
    """({"rows", "verdict", "thresholding"}, table). Raises ToolMissing without finn-plus."""
    rows = [measure(shape, folder / shape.name) for shape in SHAPES]
    result = {
        "source": f"yosys {version()}", "family": "xc7", "finn_plus": _finn.version(), "rows": rows,
        "verdict": verdict(rows), "thresholding": finn_thresholding(folder / "thresholding"),
        "patches": {name: sorted({reason for reason, _, _ in patches}) for name, patches in _finn.PATCHES.items()},
    }  # fmt: skip
    return result, _table(rows)


def verdict(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Our LUTs as shares of FINN's: the largest of every module, and the shapes with more of anything."""
    found = {}
    for module in NO_MORE:
        pairs = {row["shape"]: (row["ours"][module], theirs(row, module)) for row in rows}
        found[module] = {
            "largest_share": max(ours["LUT"] / finn["LUT"] for ours, finn in pairs.values()),
            **{
                key: [name for name, (ours, finn) in pairs.items() if ours[column] > finn[column]]
                for key, column in (("above", "LUT"), ("above_dsp", "DSP"), ("above_bram", "BRAM_18K"))
            },
        }
    return found


def theirs(row: dict[str, Any], module: str) -> dict[str, int]:
    """Counts of FINN's in the place of our `module`, {} where there is none."""
    finn: dict[str, dict[str, int]] = row["finn"]
    if module not in ("mvau", "mvau_dsp"):
        return finn.get(module, {})
    return {key: finn["mvau"][key] + finn["memstream"][key] for key in finn["mvau"]}


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table(title="Our modules / FINN's RTL library (Yosys, xc7); FINN's MVAU: with its memstream")
    for column in ("shape", "module", *COLUMNS, "LUT share"):
        table.add_column(column, justify="left" if column in ("shape", "module") else "right")
    for row in rows:
        for module, ours in row["ours"].items():
            finn = theirs(row, module)
            shown = [f"{ours[key]} / {finn[key]}" if finn else str(ours[key]) for key in COLUMNS]
            share = f"{ours['LUT'] / finn['LUT']:.2f}" if finn else ""
            table.add_row(row["shape"] if module == next(iter(row["ours"])) else "", module, *shown, share)
        table.add_section()
    return table
