"""What the LUTs of a module are for: multipliers, adders, accumulators, thresholds, memories, buffers, or the rest.

Most modules are of one kind as a whole. In a folded matrix-vector product several kinds stand side by side: there Yosys
is told to move the cells of each kind, found by the line of SystemVerilog that they come from, into a module of their
own before it maps them, and nothing is optimized across the borders. So the kinds are measured, not guessed, and their
sum is a little more than the module as one piece, which is what counts as its size everywhere else.

What shares LUTs cannot be told apart and stays together: a weight's bit selects an input and adds it to the inputs
before it in one LUT (`mvau_plane.sv`), so that these sums are of the kind "multipliers", and "adders" are those that
come after; thresholds in LUTs are part of their comparators.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from flows.synthesize.jobs import Job, rtl_modules

KINDS = ("multipliers", "adders", "accumulators", "thresholds", "memories", "buffers", "other")
"""`memories`: of weights, where they are not thresholds; `buffers`: streams, windows, vectors that are read again;
`other`: control, padding, pools, label selection."""
WHOLE: Mapping[str, str] = {
    "mvau_const": "adders", "thresholding": "thresholds", "thresholding_const": "thresholds", "fifo": "buffers",
    "dwc": "buffers", "duplicate": "buffers", "swg": "buffers", "swg_parallel": "buffers", "add": "adders",
}  # fmt: skip
"""RTL module to the one kind of all its cells."""
SPLIT = ("mvau", "mvau_dsp", "mvau_sparse", "vvau")
"""RTL modules with cells of several kinds."""


def kind_of(module: str) -> str | None:
    """The kind of all cells of the RTL module, None where it has several."""
    return None if module in SPLIT else WHOLE.get(module, "other")


def split_job(job: Job, module: str) -> Job:
    """The synthesis of `job`, one instance of one of SPLIT, that tells the kinds apart."""
    return replace(job, kinds=selections(module))


def selections(module: str) -> dict[str, tuple[str, ...]]:
    """{kind: Yosys selections of cells}; a later kind takes cells from an earlier one."""
    dsp = module == "mvau_dsp"
    return {
        "adders": ("a:src=mvau_lane.sv:*", *(("a:src=mvau_dsp_sum.sv:*",) if dsp else ())),
        # With the registers of the planes: with one input a lane, their reset is what multiplies. What tells the lanes
        # in a DSP slice apart is of its product.
        "multipliers": (
            "a:src=mvau_plane.sv:*",
            *_block("mvau_lane", "g_plane"),
            *_block(module, "g_pairs"),
            *(("a:src=mvau_dsp_chain.sv:*", "a:src=dsp48.sv:*") if dsp else ()),
        ),
        "accumulators": (
            *_block("mvau_lane", "g_accumulate"),
            *(_block("mvau_dsp_sum", "g_accumulate") if dsp else ()),
        ),
        "memories": ("t:$mem_v2 r:WR_PORTS=0 %i",),
        "buffers": ("t:$mem_v2 r:WR_PORTS>0 %i",),
    }


def _block(module: str, label: str) -> tuple[str, ...]:
    """Selections of the cells that come from the block `begin : label` of the module's source."""
    lines = rtl_modules()[module].splitlines()
    first = next((n for n, line in enumerate(lines) if f"begin : {label}" in line), None)
    if first is None:
        raise ValueError(f"{module}.sv has no block {label}")
    depth, last = 0, first
    for last, line in enumerate(lines[first:], first):
        text = line[line.index(f"begin : {label}") :] if last == first else line
        for word in re.findall(r"\b(?:begin|end|case|endcase)\b", text):
            depth += 1 if word in ("begin", "case") else -1
            if depth == 0:
                return tuple(f"a:src={module}.sv:{n + 1}.*" for n in range(first, last + 1))
    raise ValueError(f"{module}.sv: the block {label} has no end")
