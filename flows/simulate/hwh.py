"""A synthetic .hwh file for the simulated board: the layout of Vivado's, and labelled as what it is.

PYNQ reads from it the blocks with registers and their addresses; other readers (cocotbpynq) also what connects them.
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from flows.boards import Board
from flows.emit.pynq import BLOCKS

ADDRESSES = {"zynq": {"accelerator": 0x43C0_0000, "dma": 0x4040_0000},
             "zynqmp": {"accelerator": 0xA000_0000, "dma": 0xA001_0000}}  # fmt: skip
"""Where Vivado's address assignment puts blocks behind the first general-purpose master of each family."""
RANGES = {"accelerator": 0x1000, "dma": 0x10000}
_TYPES = {"accelerator": "a2qflow:hls:accelerator_ps:1.0", "dma": "xilinx.com:ip:axi_dma:7.1"}
_STREAM = {"tdata": "O", "tvalid": "O", "tlast": "O", "tready": "I"}
"""Port of a writer and its direction."""
_REGISTERS = dict.fromkeys(
    ("awaddr", "awvalid", "wdata", "wstrb", "wvalid", "bready", "araddr", "arvalid", "rready"), "I"
) | dict.fromkeys(("awready", "wready", "bresp", "bvalid", "arready", "rdata", "rresp", "rvalid"), "O")
"""Port of a block with AXI-Lite registers and its direction."""


@dataclass(frozen=True)
class _Interface:
    """`name` of a block, on the connection `bus`; `kind` is Vivado's word for the side; ports are called after it."""

    name: str
    bus: str
    kind: str
    protocol: str
    bits: int
    ports: dict[str, str]


def hwh(board: Board) -> str:
    """The .hwh file of `board` with our accelerator and its DMA, as text."""
    root = Element("EDKSYSTEM")
    SubElement(root, "SYSTEMINFO", BOARD=board.board_part, DEVICE=board.part, NAME="a2qflow")
    SubElement(root, "EXTERNALPORTS")
    SubElement(root, "EXTERNALINTERFACES")
    modules = SubElement(root, "MODULES")
    ps = f"{board.ps}_0"
    master = _Interface(board.control, f"{ps}_{board.control}", "MASTER", "aximm", 32, {})
    processor = _module(modules, ps, "PROCESSOR", f"xilinx.com:ip:{board.ps}:1.0", {}, {}, [master])
    _addresses(SubElement(processor, "MEMORYMAP"), board)
    clocks = {"ap_clk": {"SIGIS": "clk"}, "ap_rst_n": {"SIGIS": "rst", "POLARITY": "ACTIVE_LOW"}}
    for what, name in BLOCKS.items():
        parameters, ports = ({}, clocks) if what == "accelerator" else (_dma(board), {})
        _module(modules, name, "PERIPHERAL", _TYPES[what], parameters, ports, _interfaces(what, board))
    indent(root)
    label = "<!-- SYNTHETIC: written by a2qflow for its simulated board; Vivado did not write this. -->"
    body = tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8" standalone="no" ?>\n{label}\n{body}\n'


def registers(what: str) -> str:
    """Name of the interface with the registers of `what` of BLOCKS."""
    return {"accelerator": "s_axi_control", "dma": "S_AXI_LITE"}[what]


def _interfaces(what: str, board: Board) -> list[_Interface]:
    control = f"control_M{list(BLOCKS).index(what):02}_AXI"
    found = [_Interface(registers(what), control, "SLAVE", "aximm", 32, _REGISTERS)]
    reader = {port: "I" if way == "O" else "O" for port, way in _STREAM.items()}
    for bus, (writes, out), (reads, into) in (
        ("to_accelerator", ("dma", "M_AXIS_MM2S"), ("accelerator", "s_axis")),
        ("to_dma", ("accelerator", "m_axis"), ("dma", "S_AXIS_S2MM")),
    ):
        if what == writes:
            found.append(_Interface(out, bus, "INITIATOR", "axis", board.dma_bits, _STREAM))
        if what == reads:
            found.append(_Interface(into, bus, "TARGET", "axis", board.dma_bits, reader))
    return found


def _dma(board: Board) -> dict[str, int]:
    return {
        "c_include_sg": 0, "c_sg_length_width": 26, "c_include_mm2s": 1, "c_include_s2mm": 1,
        "c_m_axis_mm2s_tdata_width": board.dma_bits, "c_s_axis_s2mm_tdata_width": board.dma_bits,
        "c_m_axi_mm2s_data_width": board.dma_bits, "c_m_axi_s2mm_data_width": board.dma_bits,
        "c_include_mm2s_dre": 0, "c_include_s2mm_dre": 0, "c_addr_width": 64 if board.family == "zynqmp" else 32,
    }  # fmt: skip


def _module(
    modules: Element, name: str, kind: str, vlnv: str, parameters: dict[str, int], ports: dict[str, dict[str, str]],
    interfaces: list[_Interface],
) -> Element:  # fmt: skip
    module = SubElement(
        modules, "MODULE", FULLNAME=f"/{name}", INSTANCE=name, IPTYPE=kind, MODTYPE=vlnv.split(":")[2], VLNV=vlnv
    )
    given = SubElement(module, "PARAMETERS")
    for key, value in parameters.items():
        SubElement(given, "PARAMETER", NAME=key, VALUE=str(value))
    wires, buses = SubElement(module, "PORTS"), SubElement(module, "BUSINTERFACES")
    for port, what in ports.items():
        SubElement(wires, "PORT", {"DIR": "I", "NAME": port, **what})
    for i in interfaces:
        bus = SubElement(
            buses, "BUSINTERFACE", BUSNAME=i.bus, DATAWIDTH=str(i.bits), NAME=i.name, TYPE=i.kind,
            VLNV=f"xilinx.com:interface:{i.protocol}:1.0",
        )  # fmt: skip
        maps = SubElement(bus, "PORTMAPS")
        for port, direction in i.ports.items():
            SubElement(wires, "PORT", DIR=direction, NAME=f"{i.name}_{port}", SIGIS="undef")
            SubElement(maps, "PORTMAP", LOGICAL=port.upper(), PHYSICAL=f"{i.name}_{port}")
    return module


def _addresses(memory_map: Element, board: Board) -> None:
    for what, name in BLOCKS.items():
        base = ADDRESSES[board.family][what]
        SubElement(
            memory_map, "MEMRANGE", ADDRESSBLOCK="Reg", BASENAME="C_BASEADDR", BASEVALUE=f"0x{base:08X}",
            HIGHNAME="C_HIGHADDR", HIGHVALUE=f"0x{base + RANGES[what] - 1:08X}", INSTANCE=name, IS_DATA="TRUE",
            MASTERBUSINTERFACE=board.control, MEMTYPE="REGISTER", SLAVEBUSINTERFACE=registers(what),
        )  # fmt: skip
