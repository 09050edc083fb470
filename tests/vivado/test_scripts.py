"""Vivado scripts, run in tclsh against a recorder of Vivado's commands: nothing here has met Vivado itself."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

import pytest

from flows.boards import BOARDS
from flows.design import Design
from flows.elaborate import elaborate
from flows.emit import vivado
from flows.files import write_tree
from flows.folding import Request, choose
from flows.synthesize.parts import BOARDS as PARTS
from tests.networks import Chain

RECORDER = Path(__file__).parent / "recorder.tcl"
IN_PYTHON = """import sys, tkinter
tcl = tkinter.Tcl()
tcl.eval("set argv {}")
for word in sys.argv[2:]:
    tcl.call("lappend", "argv", word)
try:
    tcl.call("source", sys.argv[1])
except tkinter.TclError as error:
    sys.exit(f"recorder: {error}")
"""


def record(script: str, folder: Path, declarations: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs scripts (separated by commas) on the recorder, in tclsh, or in Python's own Tcl where there is none."""
    tclsh = shutil.which("tclsh")
    argv = [tclsh] if tclsh else [sys.executable, "-c", IN_PYTHON]
    argv += [str(RECORDER), script, *([str(declarations)] if declarations else [])]
    return subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture(scope="module")
def design() -> Design:
    chain = Chain((1, 1, 12), bits=4, seed=1).mvau(8).thresholds(3).mvau(5)
    graph = chain.graph("net")
    widths = {"MVAU_0": (16,) * 8, "MVAU_1": (16,) * 5}
    return elaborate(graph, choose(graph, Request({}, 40)), widths)


def written(design: Design, board: str, folder: Path) -> Path:
    write_tree(folder / "stitched_ip", vivado.emit(design, BOARDS[board], 10.0))
    return folder / "stitched_ip"


def both(folder: Path) -> subprocess.CompletedProcess[str]:
    return record(f"{folder / 'package_ip.tcl'},{folder / 'bitstream.tcl'}", folder)


@pytest.mark.parametrize("board", BOARDS)
def test_every_boards_scripts_run(design: Design, board: str, tmp_path: Path) -> None:
    folder = written(design, board, tmp_path)
    done = both(folder)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    commands = [line.split()[0] for line in lines]
    order = [
        "ipx::package_project",
        "create_bd_design",
        "validate_bd_design",
        "synth_design",
        "route_design",
        "write_bitstream",
    ]
    assert [commands.index(name) for name in order] == sorted(commands.index(name) for name in order)
    where = BOARDS[board]
    ps = f"{where.ps}_0"
    for one, other in (
        ("axi_dma_0/M_AXIS_MM2S", "accelerator_0/s_axis"), ("accelerator_0/m_axis", "axi_dma_0/S_AXIS_S2MM"),
        ("memory/M00_AXI", f"{ps}/{where.memory}"), (f"{ps}/{where.control}", "control/S00_AXI"),
    ):  # fmt: skip
        assert f"bus {one} {other}" in lines
    for pin in ("accelerator_0/ap_clk", "axi_dma_0/m_axi_s2mm_aclk", *(f"{ps}/{pin}" for pin in where.clock_pins)):
        assert f"net {ps}/{where.clock} {pin}" in lines
    settings = next(line for line in lines if "c_sg_length_width" in line)
    assert "c_include_sg 0" in settings and "c_sg_length_width 26" in settings
    assert f"c_m_axis_mm2s_tdata_width {where.dma_bits}" in settings
    assert (folder / "bitfile" / "a2qflow.hwh").is_file()


def test_the_files_that_are_added_are_those_of_the_design(design: Design, tmp_path: Path) -> None:
    folder = written(design, "pynq-z2", tmp_path)
    (folder / "src" / "accelerator_ps.v").unlink()
    done = both(folder)
    assert done.returncode == 1 and "accelerator_ps.v" in done.stderr


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("bitstream.tcl", "bus $accelerator/m_axis", "bus $accelerator/m_axis_0", "has no interface m_axis_0"),
        ("bitstream.tcl", "bus memory/M00_AXI $name/$ps_memory", "", "memory/M00_AXI is open"),
        ("bitstream.tcl", "$dma/m_axi_s2mm_aclk", "", "axi_dma_0/m_axi_s2mm_aclk is open"),
        ("bitstream.tcl", "bus $dma/M_AXIS_MM2S", "bus $dma/S_AXIS_S2MM", "both a slave"),
        ("bitstream.tcl", "opt_design\n", "optimize_design\n", "no such command: optimize_design"),
        ("bitstream.tcl", "synth_design -top", "synth_design -module", "synth_design has no option -module"),
        ("settings.tcl", "set ps_clock FCLK_CLK0", "set ps_clock FCLK_CLK9", "has no pin FCLK_CLK9"),
        ("settings.tcl", "CONFIG.PCW_USE_S_AXI_HP0 {1}", "CONFIG.PCW_USE_S_AXI_HP0 {0}", "has no pin S_AXI_HP0_ACLK"),
        ("settings.tcl", "pynq-z2:part0", "pynq-z9:part0", "no board files for .*pynq-z9"),
        ("settings.tcl", "set part xc7z020clg400-1", "set part xc7z010clg400-1", "carries another part"),
        ("package_ip.tcl", "s_axis m_axis s_axi_control", "s_axis m_axis s_axi_ctrl", "no interface s_axi_ctrl"),
    ],
)  # fmt: skip
def test_the_recorder_sees_mistakes(
    design: Design, tmp_path: Path, file: str, old: str, new: str, message: str
) -> None:
    import re

    folder = written(design, "pynq-z2", tmp_path)
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1))
    done = both(folder)
    assert done.returncode == 1 and re.search(message, done.stderr), done.stderr


def test_the_recorder_takes_hls4mls_board_script(tmp_path: Path) -> None:
    """A script of the same kind that others run in Vivado, as the hls4ml wheel ships it for the PYNQ-Z2."""
    spec = find_spec("hls4ml")
    assert spec is not None and spec.origin is not None
    scripts = Path(spec.origin).parent / "templates" / "vivado_accelerator" / "pynq-z2" / "tcl_scripts"
    shutil.copy2(scripts / "axi_stream_design.tcl", tmp_path)
    (tmp_path / "project.tcl").write_text(
        "variable project_name net\nvariable bit_width_hls_input 32\nvariable bit_width_hls_output 32\n"
    )
    (tmp_path / "net_prj").mkdir()
    (tmp_path / "declared.tcl").write_text(
        "block xilinx.com:hls:net_axi {{ap_clk in} {ap_rst_n in}} {{in_r slave axis} {out_r master axis}}\n"
    )
    done = record(str(tmp_path / "axi_stream_design.tcl"), tmp_path, tmp_path / "declared.tcl")
    assert done.returncode == 0, done.stderr
    assert "bus axi_dma_0/M_AXIS_MM2S net_axi_0/in_r" in done.stdout.splitlines()
    assert "launch_runs impl_1 -to_step write_bitstream -jobs 6" in done.stdout.splitlines()


def test_every_recorded_command_cites_its_document() -> None:
    text = RECORDER.read_text(encoding="utf-8")
    assert "ug835-vivado-tcl-commands" in text and "UG1118" in text
    for script in ("package_ip.tcl", "bitstream.tcl"):
        assert "UG835" in (vivado.TEMPLATES / "vivado" / script).read_text(encoding="utf-8")


def test_boards_and_parts_agree() -> None:
    assert {name: board.part for name, board in BOARDS.items()} == {n: p for n, p in PARTS.items() if n != "none"}


def test_the_same_design_gives_the_same_scripts(design: Design) -> None:
    one, other = (vivado.emit(design, BOARDS["kv260"], 5.0) for _ in range(2))
    assert one == other and PurePosixPath("src/accelerator_ps.v") in one
