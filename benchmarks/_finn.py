"""The peer FINN: modules of its RTL library, from the installed finn-plus wheel, as jobs for Yosys.

Every source is taken as it is, but for PATCHES, each with its reason; a patch that no longer applies is an error. What
FINN's Python writes into a template is written by FINN's Python here, too. FINN's AXI wrappers add AXI-Lite registers
to padding and memory; the modules below them are measured, with the ports for configuration tied off. Counters that
FINN's FIFO has for sizing are left open, so that they go.
"""

from __future__ import annotations

import importlib.metadata
import os
import tempfile
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any

from flows.design import Param
from flows.emit.sv import render_instance
from flows.errors import ToolMissing
from flows.graph import IntType
from flows.synthesize.jobs import PRIMITIVES as OURS
from flows.synthesize.jobs import Job

TOP = "peer"
PRIMITIVES = Path(__file__).parent / "finn_primitives"
"""Interfaces of primitives that FINN, and not we, instantiates, for a front end that does not see Yosys' library."""

_NETTYPE = "a compiler directive inside of a module is illegal (IEEE 1800-2017, 22)"
OPTIONS = ("--ignore-assertions", "--ignore-timing")
"""Of the front end: FINN's checks of itself in simulation are no hardware."""
_CONSTANT = "a function declared in a generate block is no constant function (IEEE 1800-2017, 13.4.3): moved out of it"
_LEAVES = (
    "\t\ttypedef int unsigned  leaf_load_t[2*N-1];",
    "\t\tfunction leaf_load_t init_leaf_loads();",
    "\t\t\tautomatic leaf_load_t  res;",
    "\t\t\tfor(int unsigned  i = 2*N-1; i-- > N-1;)  res[i] = 1;",
    "\t\t\tfor(int unsigned  i =   N-1; i-- >   0;)  res[i] = res[2*i+1] + res[2*i+2];",
    "\t\t\treturn  res;",
    "\t\tendfunction : init_leaf_loads",
)
_NO_DIRECTIVES = ((_NETTYPE, "`default_nettype none", ""), (_NETTYPE, "`default_nettype wire", ""))
PATCHES: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "fifo/hdl/fifo.sv": _NO_DIRECTIVES,
    "dwc/hdl/vpc.sv": _NO_DIRECTIVES,
    "mvu/add_multi.sv": (
        (_CONSTANT, "\n".join(_LEAVES), ""),
        (_CONSTANT, "\tuwire [SUM_WIDTH-1:0]  sum0;\n", "\n".join((*_LEAVES, "\tuwire [SUM_WIDTH-1:0]  sum0;", ""))),
    ),
    "mvu/mvu.sv": (
        ("a wait in simulation has no hardware", "\t\tinitial begin\n\t\t\t#100ns;\n\t\t\tDirty <= 0;\n\t\tend\n", ""),
    ),
}  # fmt: skip
"""{source: ((reason, text, replacement), …)}"""


@cache
def library() -> Path:
    """FINN's `finn-rtllib`. Raises ToolMissing."""
    spec = find_spec("finn")
    for place in spec.submodule_search_locations or () if spec else ():
        if (Path(place) / "finn-rtllib").is_dir():
            return Path(place) / "finn-rtllib"
    raise ToolMissing("FINN's RTL library is not installed; run `make install` (the PyPI package is called finn-plus)")


def version() -> str:
    """Of the wheel."""
    return importlib.metadata.version("finn-plus")


def source(name: str) -> str:
    """A file of the library, patched."""
    text = (library() / name).read_text(encoding="utf-8")
    for reason, old, new in PATCHES.get(name, ()):
        if old not in text:
            raise ToolMissing(
                f"finn-plus {version()}: the patch of {name} ({reason}) does not apply; 1.6.1 is what it is for"
            )
        text = text.replace(old, new)
    return text


def _job(
    name: str, ports: Mapping[str, str], instance: str, sources: tuple[str, ...], more: Mapping[str, str] | None = None
) -> Job:
    """`sources` and one instance with fixed parameters in a module TOP; `ports`: {name: "input [range]" or output}."""
    declared = ",\n    ".join(f"{kind.replace('put', 'put wire', 1)} {port}" for port, kind in ports.items())
    files: dict[PurePosixPath, str | bytes] = {PurePosixPath(s).with_suffix(".sv"): source(s) for s in sources}
    files |= {PurePosixPath(path): text for path, text in (more or {}).items()}
    files[PurePosixPath(f"{TOP}.sv")] = f"module {TOP} (\n    {declared}\n);\n{instance}\nendmodule\n"
    return Job(name, TOP, files, options=OPTIONS)


def _stream(in_bits: int, out_bits: int) -> dict[str, str]:
    return {
        "clk": "input", "rst": "input", "idat": f"input [{in_bits - 1}:0]", "ivld": "input", "irdy": "output",
        "odat": f"output [{out_bits - 1}:0]", "ovld": "output", "ordy": "input",
    }  # fmt: skip


def fifo(name: str, width: int, depth: int) -> Job:
    """`fifo.sv` of `depth` beats; its memory as it chooses itself."""
    params: dict[str, Param] = {"DEPTH": depth, "DATA_WIDTH": width, "RAM_STYLE": "auto"}
    ports = _stream(width, width)
    connected = {port: port for port in ports} | {"count": "", "maxcount": ""}
    return _job(name, ports, render_instance("fifo", "core", params, connected), ("fifo/hdl/fifo.sv",))


def dwc(name: str, in_width: int, out_width: int) -> Job:
    """`vpc.sv` as `dwc_axi.sv` uses it."""
    params: dict[str, Param] = {"W": 1, "N": in_width * out_width, "PI": in_width, "PO": out_width}
    ports = _stream(in_width, out_width)
    return _job(name, ports, render_instance("vpc", "core", params, {p: p for p in ports}), ("dwc/hdl/vpc.sv",))


def fmpadding(
    name: str, size: tuple[int, int], pad: tuple[int, int, int, int], channels: int, simd: int, bits: int
) -> Job:
    """`fmpadding.sv`; (top, left, bottom, right) rows and columns of zeros."""
    (h, w), (top, left, bottom, right) = size, pad
    x_bits, y_bits = (left + w + right).bit_length(), (top + h + bottom).bit_length()
    params: dict[str, Param] = {
        "XCOUNTER_BITS": x_bits, "YCOUNTER_BITS": y_bits, "NUM_CHANNELS": channels, "SIMD": simd, "ELEM_BITS": bits,
        "INIT_XON": left, "INIT_XOFF": left + w, "INIT_XEND": left + w + right - 1,
        "INIT_YON": top, "INIT_YOFF": top + h, "INIT_YEND": top + h + bottom - 1,
    }  # fmt: skip
    padded = -(-simd * bits // 8) * 8
    ports = _axis(padded, padded)
    tied = {"we": "1'b0", "wa": "5'd0", "wd": "32'd0"}
    return _job(
        name, ports, render_instance("fmpadding", "core", params, {p: p for p in ports} | tied),
        ("fmpadding/hdl/fmpadding.sv",),
    )  # fmt: skip


def _axis(in_bits: int, out_bits: int) -> dict[str, str]:
    return {
        "ap_clk": "input", "ap_rst_n": "input", "s_axis_tdata": f"input [{in_bits - 1}:0]", "s_axis_tvalid": "input",
        "s_axis_tready": "output", "m_axis_tdata": f"output [{out_bits - 1}:0]", "m_axis_tvalid": "output",
        "m_axis_tready": "input",
    }  # fmt: skip


def swg(
    name: str, size: tuple[int, int], kernel: tuple[int, int], stride: tuple[int, int], channels: int, simd: int,
    dtype: IntType,
) -> Job:  # fmt: skip
    """The template `swg_template_default.sv` with what FINN's Python makes of the operator."""
    (h, w), (kh, kw), (sh, sw) = size, kernel, stride
    attributes = {
        "IFMDim": [h, w], "ConvKernelDim": [kh, kw], "Stride": [sh, sw], "Dilation": [1, 1], "IFMChannels": channels,
        "OFMDim": [(h - kh) // sh + 1, (w - kw) // sw + 1], "SIMD": simd, "inputDataType": str(dtype),
        "outputDataType": str(dtype), "depthwise": 0, "parallel_window": 0,
    }  # fmt: skip
    values = {key: entry[0] for key, entry in _finn_values(attributes).items()}
    values |= {"$TOP_MODULE_NAME$": "swg", "$RAM_STYLE$": '"auto"'}
    text = source("swg/swg_template_default.sv")
    for key, value in values.items():
        text = text.replace(key, value)
    params: dict[str, Param] = {"BIT_WIDTH": dtype.bits, "SIMD": simd, "MMV_IN": 1, "MMV_OUT": 1}
    ports = _axis(simd * dtype.bits, simd * dtype.bits)
    names = {
        "s_axis_tdata": "in0_V_V_TDATA", "s_axis_tvalid": "in0_V_V_TVALID", "s_axis_tready": "in0_V_V_TREADY",
        "m_axis_tdata": "out_V_V_TDATA", "m_axis_tvalid": "out_V_V_TVALID", "m_axis_tready": "out_V_V_TREADY",
    }  # fmt: skip
    connected = {names.get(port, port): port for port in ports}
    return _job(
        name, ports, render_instance("swg_impl", "core", params, connected), ("swg/swg_common.sv", "swg/swg_pkg.sv"),
        {"swg_impl.sv": text},
    )  # fmt: skip


def _finn_values(attributes: Mapping[str, Any]) -> dict[str, list[str]]:
    """What FINN's operator puts into the template."""
    from flows.frontend.finn_ops import load_operators

    with tempfile.TemporaryDirectory() as scratch:
        os.environ.setdefault("FINN_BUILD_DIR", scratch)
        os.environ.setdefault("FINN_SETTINGS", str(Path(scratch) / "settings.yaml"))
        load_operators()
        from finn.custom_op.fpgadataflow.rtl.convolutioninputgenerator_rtl import ConvolutionInputGenerator_rtl
        from finn.util.settings import initialize_dummy_settings
        from onnx import helper

        initialize_dummy_settings()
        node = helper.make_node(
            "ConvolutionInputGenerator_rtl", ["x"], ["y"], domain="finn.custom_op.fpgadataflow.rtl", **attributes
        )
        _, values = ConvolutionInputGenerator_rtl(node).prepare_codegen_default()
    return dict(values)


MVU = ("mvu/mvu_pkg.sv", "mvu/mvu.sv", "mvu/add_multi.sv", "mvu/replay_buffer.sv", "mvu/mvu_vvu_axi.sv",
       "mvu/mvu_vvu_8sx9_dsp58.sv")  # fmt: skip


def mvu(name: str, shape: Mapping[str, int]) -> Job:
    """`mvu_vvu_axi.sv` on DSP48E1; the weights come from a stream, so that no memory is in it.

    `shape`: MW, MH, PE, SIMD, WEIGHT_WIDTH, ACTIVATION_WIDTH, ACCU_WIDTH, SIGNED_ACTIVATIONS, NARROW_WEIGHTS.
    """
    params: dict[str, Param] = {"IS_MVU": 1, "VERSION": 1, **shape}
    weights = -(-shape["PE"] * shape["SIMD"] * shape["WEIGHT_WIDTH"] // 8) * 8
    inputs = -(-shape["SIMD"] * shape["ACTIVATION_WIDTH"] // 8) * 8
    outputs = -(-shape["PE"] * shape["ACCU_WIDTH"] // 8) * 8
    ports = {"ap_clk": "input", "ap_rst_n": "input"}
    streams = (("s_axis_weights", weights, True), ("s_axis_input", inputs, True), ("m_axis_output", outputs, False))
    for stream, bits, into in streams:
        forward, back = ("input", "output") if into else ("output", "input")
        ports |= {f"{stream}_tdata": f"{forward} [{bits - 1}:0]", f"{stream}_tvalid": forward, f"{stream}_tready": back}
    connected = {port: port for port in ports} | {"ap_clk2x": "1'b0"}
    primitives = {
        path.name: path.read_text(encoding="utf-8") for path in (*sorted(PRIMITIVES.glob("*.sv")), OURS["dsp48"])
    }
    return _job(name, ports, render_instance("mvu_vvu_axi", "core", params, connected), MVU, primitives)


def thresholding(name: str, channels: int, pe: int, in_bits: int, thresholds: int) -> Job:
    """`thresholding.sv` with thresholds 0, its ports for configuration tied off; Yosys says what becomes of it."""
    params: dict[str, Param] = {
        "N": thresholds, "K": in_bits, "C": channels, "PE": pe, "SIGNED": 1, "USE_CONFIG": 0, "THRESHOLDS_PATH": "./"
    }  # fmt: skip
    ports = _stream(pe * in_bits, pe * thresholds.bit_length())
    tied = {"cfg_en": "1'b0", "cfg_we": "1'b0", "cfg_a": "'0", "cfg_d": "'0", "cfg_rack": "", "cfg_q": "", "iset": "'0"}
    return _job(
        name, ports, render_instance("thresholding", "core", params, {p: p for p in ports} | tied),
        ("thresholding/hdl/thresholding.sv",),
        {f"threshs_{lane}_{stage}.dat": "0\n" * (channels // pe << stage)
         for lane in range(pe) for stage in range(thresholds.bit_length())},
    )  # fmt: skip


def memstream(name: str, depth: int, width: int, words: str) -> Job:
    """`memstream.sv` with `words` as its memory, one in hex a line; its ports for configuration tied off."""
    params: dict[str, Param] = {"SETS": 1, "DEPTH": depth, "WIDTH": width, "INIT_FILE": "weights.hex"}
    ports = {"clk": "input", "rst": "input", "odat": f"output [{width - 1}:0]", "ovld": "output", "ordy": "input"}
    tied = {"config_ce": "1'b0", "config_we": "1'b0", "config_address": "'0", "config_d0": "'0", "config_rack": "",
            "config_q0": "", "sidx": "'0", "svld": "1'b0", "srdy": ""}  # fmt: skip
    return _job(
        name, ports, render_instance("memstream", "core", params, {p: p for p in ports} | tied),
        ("memstream/hdl/memstream.sv",), {"weights.hex": words},
    )  # fmt: skip
