"""Our adder graphs of constant matrices against da4ml's, in LUTs (Yosys, xc7, the same command).

Ten matrices: the two constrained convolutions (72x16 and 144x16, 4-bit weights and inputs) of the digits CNN, trained
with A2Q+ for P = 8 to 12. `core`: the adders alone, without registers, ours in our modules, da4ml's in its own Verilog
and in our modules; da4ml counts with the smaller of the two. `module`: the whole `mvau_const`, with registers every
LEVELS adders and its handshake, the same width of input and output; da4ml's graph in it in place of ours. Of da4ml's
two ways to count, the better one for each matrix. The peer is LGPL-3 and not installed with this project (`_da4ml`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from statistics import median
from typing import Any

from rich.table import Table

from benchmarks import _da4ml
from benchmarks._layers import Matrix, trained
from flows.adders.graph import AdderGraph, Kind
from flows.adders.pipeline import latency, pipelined
from flows.adders.search import adder_graph
from flows.design import Param
from flows.emit.sv import render_instance
from flows.graph import IntType
from flows.kernels.mvau_const import parameters
from flows.ranges import mvau_channel_ranges
from flows.synthesize.jobs import OUT_OF_CONTEXT, Job, rtl_modules, wrapper
from flows.synthesize.yosys import synthesize

WIDTHS = (8, 9, 10, 11, 12)
LEVELS = 5
"""Adders between registers: what the flow takes for 10 ns."""
CORE = "core"


def core_job(name: str, graph: AdderGraph) -> Job:
    """The adders of `graph` as instances of `mvau_const_node`, outputs at their own widths; no registers."""
    types = [graph.input_type] * graph.inputs + [node.dtype for node in graph.nodes]
    lines = []
    for r in range(graph.inputs):
        bits = graph.input_type.bits
        lines += [f"  wire logic [{bits - 1}:0] v{r};", f"  assign v{r} = x[{r * bits}+:{bits}];"]
    for number, node in enumerate(graph.nodes):
        value, bits = graph.inputs + number, node.dtype.bits
        params: dict[str, Param] = {
            "KIND": int(node.kind), "BITS": bits, "LEFT_SHIFT": node.left_shift, "RIGHT_SHIFT": node.right_shift
        }  # fmt: skip
        ports = {"clk": "1'b0", "en": "1'b0", "left": _extended(node.left, types, bits)}
        ports |= {"right": _extended(node.right, types, bits), "result": f"v{value}"}
        instance = render_instance("mvau_const_node", f"n{value}", params, ports)
        lines += [f"  wire logic [{bits - 1}:0] v{value};", instance]
    outputs = [t for t in graph.outputs if t is not None]
    total = sum(types[t.value].bits + t.shift for t in outputs)
    joined = ", ".join(f"v{t.value}, {t.shift}'d0" if t.shift else f"v{t.value}" for t in outputs)
    lines.append(f"  assign y = {{{joined}}};")
    head = f"module {CORE} (\n    input  wire logic [{graph.inputs * graph.input_type.bits - 1}:0] x,\n"
    text = f"{head}    output wire logic [{total - 1}:0] y\n);\n" + "\n".join(lines) + "\nendmodule\n"
    node_text = rtl_modules()["mvau_const_node"]
    return Job(name, CORE, {PurePosixPath(f"{CORE}.sv"): text, PurePosixPath("mvau_const_node.sv"): node_text})


def _extended(value: int, types: list[IntType], bits: int) -> str:
    dtype = types[value]
    return f"{bits}'($signed(v{value}))" if dtype.signed else f"{bits}'(v{value})"


def module_job(name: str, graph: AdderGraph, matrix: Matrix) -> Job:
    """The whole module `mvau_const` out of context."""
    built = pipelined(graph, LEVELS)
    lows, highs = mvau_channel_ranges(matrix.weights, matrix.lo, matrix.hi)
    out_bits = IntType.for_range(int(lows.min()), int(highs.max()), signed=True).bits
    params = parameters(built, matrix.in_type, out_bits, latency(built))
    mw, mh = matrix.weights.shape
    text = wrapper("mvau_const", params, {"s_axis": mw * matrix.in_type.bits, "m_axis": mh * out_bits})
    files: dict[PurePosixPath, str | bytes] = {
        PurePosixPath(f"{m}.sv"): rtl_modules()[m] for m in ("mvau_const", "mvau_const_node")
    }
    return Job(name, OUT_OF_CONTEXT, {**files, PurePosixPath(f"{OUT_OF_CONTEXT}.sv"): text})


def run(folder: Path) -> tuple[dict[str, Any], Table]:
    """({"rows", "verdict"}, table). Raises ToolMissing without da4ml."""
    _da4ml.require()
    rows = [measure(matrix, folder / f"{matrix.name}_P{matrix.bits}") for matrix in trained(folder, WIDTHS)]
    return {"source": "yosys", "family": "xc7", "da4ml": _da4ml.VERSION, "rows": rows, **verdict(rows)}, _table(rows)


def measure(matrix: Matrix, folder: Path) -> dict[str, Any]:
    """One matrix: adders, LUTs and flip-flops of both sides."""
    args = matrix.weights, matrix.in_type, matrix.lo, matrix.hi
    ours, whole, peer = adder_graph(*args), adder_graph(*args, LEVELS), _da4ml.solve(*args)
    jobs = (
        core_job("core_ours", ours),
        core_job("core_da4ml_graph", peer.graph),
        Job("core_da4ml_verilog", _da4ml.TOP, peer.verilog),
        module_job("module_ours", whole, matrix),
        module_job("module_da4ml_graph", peer.graph, matrix),
    )
    found = {result.name: dict(result.counts) for result in synthesize(jobs, "xc7", folder)}
    kinds = [node.kind for node in peer.graph.nodes]
    return {
        "layer": matrix.name, "accumulator_bits": matrix.bits, "shape": list(matrix.weights.shape),
        "nonzero": int((matrix.weights != 0).sum()), "adders": ours.adders, "da4ml_adders": peer.graph.adders,
        "da4ml_negations": kinds.count(Kind.NEGATE), "counts": found,
        "core": {"ours": found["core_ours"]["LUT"],
                 "da4ml": min(found["core_da4ml_graph"]["LUT"], found["core_da4ml_verilog"]["LUT"])},
        "module": {"ours": found["module_ours"]["LUT"], "da4ml": found["module_da4ml_graph"]["LUT"]},
    }  # fmt: skip


def verdict(rows: list[Mapping[str, Any]] | list[dict[str, Any]]) -> dict[str, Any]:
    """Whether ours takes no more LUTs at any matrix, and the median of the shares, core and module."""
    found: dict[str, Any] = {}
    for what in ("core", "module"):
        shares = [row[what]["ours"] / row[what]["da4ml"] for row in rows]
        found[what] = {"no_more_at_any": max(shares) <= 1, "worst": max(shares), "median": median(shares)}
    return {"verdict": found}


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table(title="Constant matrices as adder graphs, A2Q+ weights: LUTs (Yosys, xc7), ours against da4ml")
    for column in (
        "P", "layer", "not zero", "adders", "da4ml", "core LUT", "da4ml: its Verilog", "in our modules", "share",
        "module LUT", "FF", "da4ml LUT", "FF", "share",
    ):  # fmt: skip
        table.add_column(column, justify="right")
    for row in rows:
        counts = row["counts"]
        table.add_row(
            str(row["accumulator_bits"]), f"{row['layer']} {'x'.join(map(str, row['shape']))}", str(row["nonzero"]),
            str(row["adders"]), str(row["da4ml_adders"]), str(row["core"]["ours"]),
            str(counts["core_da4ml_verilog"]["LUT"]), str(counts["core_da4ml_graph"]["LUT"]),
            f"{row['core']['ours'] / row['core']['da4ml']:.3f}",
            str(row["module"]["ours"]), str(counts["module_ours"]["FF"]), str(row["module"]["da4ml"]),
            str(counts["module_da4ml_graph"]["FF"]), f"{row['module']['ours'] / row['module']['da4ml']:.3f}",
        )  # fmt: skip
    return table
