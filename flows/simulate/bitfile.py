"""Synthetic .bit and .hwh files for the simulated board: the layout of real ones, and labelled as what they are.

A .bit file has a header of five fields (design, part, date, time, data), each a letter and a big-endian length; PYNQ
and our driver read it. Here the data names a simulation (see `flows.simulate.pynq_sim`), which no FPGA takes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import quoteattr

from flows.boards import Board
from flows.emit.pynq import BLOCKS

_MAGIC = bytes.fromhex("00090ff00ff00ff00ff0000001")
MARK = b"a2qflow simulated bitstream\n"
ADDRESSES = {"zynq": {"accelerator": 0x43C0_0000, "dma": 0x4040_0000},
             "zynqmp": {"accelerator": 0xA000_0000, "dma": 0xA001_0000}}  # fmt: skip
"""Where Vivado's address assignment puts blocks behind the first general-purpose master of each family."""
RANGES = {"accelerator": 0x1000, "dma": 0x10000}
_PORTS = {"accelerator": "s_axi_control", "dma": "S_AXI_LITE"}
_STREAMS = (("dma", "M_AXIS_MM2S", "accelerator", "s_axis"), ("accelerator", "m_axis", "dma", "S_AXIS_S2MM"))
"""Block and interface at both ends of every stream."""
_STREAM = ("tdata", "tvalid", "tlast", "tready")
_REGISTERS = (
    *(f"aw{port}" for port in ("addr", "valid", "ready")), *(f"w{port}" for port in ("data", "strb", "valid", "ready")),
    "bresp", "bvalid", "bready", *(f"ar{port}" for port in ("addr", "valid", "ready")),
    *(f"r{port}" for port in ("data", "resp", "valid", "ready")),
)  # fmt: skip


def bitfile(part: str, settings: Mapping[str, Any]) -> bytes:
    """A synthetic .bit file for `part`; `settings`: what the stand-in needs to start the simulation."""
    data = MARK + json.dumps(dict(settings), indent=2, sort_keys=True).encode()
    plain = part.removeprefix("xc") if part.startswith("xc7") else part
    text = b"".join(
        letter + (len(value) + 1).to_bytes(2, "big") + value.encode() + b"\0"
        for letter, value in (
            (b"a", "SYNTHETIC_simulation_only"),
            (b"b", plain),
            (b"c", "1970/01/01"),
            (b"d", "00:00:00"),
        )
    )
    return _MAGIC + text + b"e" + len(data).to_bytes(4, "big") + data


def hwh(board: Board) -> str:
    """A synthetic .hwh file: the blocks with registers, their addresses and what connects them, as in Vivado's."""
    ps, ps_vlnv = f"{board.ps}_0", f"xilinx.com:ip:{board.ps}:1.0"
    vlnv = {"accelerator": "a2qflow:hls:accelerator_ps:1.0", "dma": "xilinx.com:ip:axi_dma:7.1"}
    addresses = ADDRESSES[board.family]
    ranges = "".join(
        f'      <MEMRANGE ADDRESSBLOCK="Reg" BASENAME="C_BASEADDR" BASEVALUE="0x{addresses[what]:08X}" '
        f'HIGHNAME="C_HIGHADDR" HIGHVALUE="0x{addresses[what] + RANGES[what] - 1:08X}" INSTANCE="{name}" '
        f'IS_DATA="TRUE" MASTERBUSINTERFACE="{board.control}" MEMTYPE="REGISTER" SLAVEBUSINTERFACE="{_PORTS[what]}"/>\n'
        for what, name in BLOCKS.items()
    )
    parameters = {
        "accelerator": {},
        "dma": {
            "c_include_sg": 0, "c_sg_length_width": 26, "c_include_mm2s": 1, "c_include_s2mm": 1,
            "c_m_axis_mm2s_tdata_width": board.dma_bits, "c_s_axis_s2mm_tdata_width": board.dma_bits,
            "c_m_axi_mm2s_data_width": board.dma_bits, "c_m_axi_s2mm_data_width": board.dma_bits,
            "c_include_mm2s_dre": 0, "c_include_s2mm_dre": 0, "c_addr_width": 64 if board.family == "zynqmp" else 32,
        },
    }  # fmt: skip
    clocks = {
        "accelerator": '      <PORTS>\n        <PORT DIR="I" NAME="ap_clk" SIGIS="clk"/>\n'
        '        <PORT DIR="I" NAME="ap_rst_n" POLARITY="ACTIVE_LOW" SIGIS="rst"/>\n      </PORTS>\n',
        "dma": "      <PORTS/>\n",
    }
    modules = "".join(
        f'    <MODULE FULLNAME="/{name}" INSTANCE="{name}" IPTYPE="PERIPHERAL" MODTYPE="{vlnv[what].split(":")[2]}" '
        f"VLNV={quoteattr(vlnv[what])}>\n      <PARAMETERS>\n"
        + "".join(f'        <PARAMETER NAME="{key}" VALUE="{value}"/>\n' for key, value in parameters[what].items())
        + f"      </PARAMETERS>\n{clocks[what]}      <BUSINTERFACES>\n"
        + _bus(f"control_M{at:02}_AXI", _PORTS[what], "SLAVE", "aximm", _REGISTERS)
        + "".join(
            _bus(f"{writer}_{port}".lower(), name, kind, "axis", _STREAM)
            for writer, port, *reader in _STREAMS
            for block, name, kind in ((writer, port, "INITIATOR"), (*reader, "TARGET"))
            if block == what
        )
        + "      </BUSINTERFACES>\n    </MODULE>\n"
        for at, (what, name) in enumerate(BLOCKS.items())
    )
    system = f'<SYSTEMINFO BOARD={quoteattr(board.board_part)} DEVICE={quoteattr(board.part)} NAME="a2qflow"/>'
    return f"""<?xml version="1.0" encoding="UTF-8" standalone="no" ?>
<!-- SYNTHETIC: written by a2qflow for its simulated board; Vivado did not write this. -->
<EDKSYSTEM>
  {system}
  <EXTERNALPORTS/>
  <EXTERNALINTERFACES/>
  <MODULES>
    <MODULE FULLNAME="/{ps}" INSTANCE="{ps}" IPTYPE="PROCESSOR" MODTYPE="{board.ps}" VLNV="{ps_vlnv}">
      <PARAMETERS/>
      <PORTS/>
      <BUSINTERFACES>
{_bus(f"{ps}_{board.control}", board.control, "MASTER", "aximm", ())}      </BUSINTERFACES>
      <MEMORYMAP>
{ranges}      </MEMORYMAP>
    </MODULE>
{modules}  </MODULES>
</EDKSYSTEM>
"""


def _bus(bus: str, name: str, kind: str, protocol: str, ports: tuple[str, ...]) -> str:
    """Interface `name` of a block on the connection `bus`; its ports are called after it."""
    maps = "".join(f'            <PORTMAP LOGICAL="{port.upper()}" PHYSICAL="{name}_{port}"/>\n' for port in ports)
    return (
        f'        <BUSINTERFACE BUSNAME="{bus}" DATAWIDTH="32" NAME="{name}" TYPE="{kind}" '
        f'VLNV="xilinx.com:interface:{protocol}:1.0">\n          <PORTMAPS>\n{maps}          </PORTMAPS>\n'
        "        </BUSINTERFACE>\n"
    )
