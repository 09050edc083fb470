"""Design -> Vivado scripts: static Tcl of `hw_templates/vivado`, and what they need to know as variables.

`package_ip.tcl` makes an IP of the accelerator, `bitstream.tcl` the block design, the reports and the bitstream.
"""

from __future__ import annotations

from functools import cache
from pathlib import PurePosixPath

import jinja2

from flows.boards import Board
from flows.design import Design, Files
from flows.emit import ps
from flows.emit.pynq import BITFILE, BLOCKS
from flows.emit.rtl import TEMPLATES

STATIC = ("package_ip.tcl", "bitstream.tcl")
_AUTOMATION = {
    "zynq": 'make_external "FIXED_IO, DDR" apply_board_preset "1" Master "Disable" Slave "Disable"',
    "zynqmp": 'apply_board_preset "1"',
}


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES / "vivado"), undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, autoescape=False,
    )  # fmt: skip


def emit(design: Design, board: Board, clk_period_ns: float) -> Files:
    """Every file of `stitched_ip/`: `src/` (what flows.emit.ps gives) and the scripts."""
    sources = {PurePosixPath("src") / name: text for name, text in ps.emit(design, board).items()}
    static = {PurePosixPath(n): (TEMPLATES / "vivado" / n).read_text(encoding="utf-8") for n in STATIC}
    settings = _environment().get_template("settings.tcl.j2").render(
        design=design.name, board=board, automation=_AUTOMATION[board.family], clock_mhz=f"{1e3 / clk_period_ns:.6g}",
        dma_bits=board.dma_bits, top=ps.TOP, blocks=BLOCKS, bitfile=BITFILE,
    )  # fmt: skip
    ooc = _environment().get_template("ooc.xdc.j2").render(clk_period_ns=clk_period_ns)
    return {**sources, **static, PurePosixPath("settings.tcl"): settings, PurePosixPath("ooc.xdc"): ooc}
