"""Boards as data: what a bitstream for one needs to know, and what the driver finds on one.

Sources: the boards' own documentation; AMD UG585 (Zynq-7000), UG1085 (Zynq UltraScale+), PG021 (AXI DMA); the variable
BOARD of PYNQ's images (`/etc/environment`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flows.config import suggestion
from flows.errors import ConfigError


@dataclass(frozen=True)
class Board:
    """One board.

    `board_part`: Vivado's board file, any version ("*"). `ps`: the processing system's IP. `clock`, `reset`: its output
    pins; `control`: its master for registers; `memory`: the slave through which the DMA reads and writes memory;
    `clock_pins`: the clock inputs of these two; `interrupt`: its interrupt input; `config`: what switches all of these
    on ("{mhz}": the clock's frequency). `dma_bits`: bits of a DMA word (32, 64 or 128). `pynq_names`: values of PYNQ's
    BOARD that mean this board.
    """

    name: str
    part: str
    board_part: str
    ps: str
    clock: str
    reset: str
    control: str
    memory: str
    clock_pins: tuple[str, ...]
    interrupt: str
    config: Mapping[str, str]
    dma_bits: int
    pynq_names: tuple[str, ...]

    @property
    def family(self) -> str:
        return "zynq" if self.ps == "processing_system7" else "zynqmp"


def _zynq(name: str, board_part: str, pynq_name: str) -> Board:
    return Board(
        name, "xc7z020clg400-1", board_part, "processing_system7", "FCLK_CLK0", "FCLK_RESET0_N", "M_AXI_GP0",
        "S_AXI_HP0", ("M_AXI_GP0_ACLK", "S_AXI_HP0_ACLK"), "IRQ_F2P",
        {
            "CONFIG.PCW_USE_S_AXI_HP0": "1",
            "CONFIG.PCW_S_AXI_HP0_DATA_WIDTH": "64",
            "CONFIG.PCW_USE_FABRIC_INTERRUPT": "1",
            "CONFIG.PCW_IRQ_F2P_INTR": "1",
            "CONFIG.PCW_FPGA0_PERIPHERAL_FREQMHZ": "{mhz}",
        },
        32, (pynq_name,),
    )  # fmt: skip


def _zynqmp(name: str, part: str, board_part: str, dma_bits: int, pynq_names: tuple[str, ...]) -> Board:
    return Board(
        name, part, board_part, "zynq_ultra_ps_e", "pl_clk0", "pl_resetn0", "M_AXI_HPM0_FPD", "S_AXI_HP0_FPD",
        ("maxihpm0_fpd_aclk", "saxihp0_fpd_aclk"), "pl_ps_irq0",
        {
            "CONFIG.PSU__USE__M_AXI_GP0": "1",
            "CONFIG.PSU__USE__M_AXI_GP1": "0",
            "CONFIG.PSU__USE__M_AXI_GP2": "0",
            "CONFIG.PSU__USE__S_AXI_GP2": "1",
            "CONFIG.PSU__SAXIGP2__DATA_WIDTH": "128",
            "CONFIG.PSU__USE__IRQ0": "1",
            "CONFIG.PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ": "{mhz}",
        },
        dma_bits, pynq_names,
    )  # fmt: skip


BOARDS: Mapping[str, Board] = {
    board.name: board
    for board in (
        _zynq("pynq-z1", "www.digilentinc.com:pynq-z1:part0:*", "Pynq-Z1"),
        _zynq("pynq-z2", "tul.com.tw:pynq-z2:part0:*", "Pynq-Z2"),
        _zynqmp("zcu104", "xczu7ev-ffvc1156-2-e", "xilinx.com:zcu104:part0:*", 128, ("ZCU104",)),
        _zynqmp("kv260", "xck26-sfvc784-2LV-c", "xilinx.com:kv260_som:part0:*", 128, ("KV260",)),
        _zynqmp("ultra96-v2", "xczu3eg-sbva484-1-e", "avnet.com:ultra96v2:part0:*", 64, ("Ultra96", "Ultra96-V2")),
    )
}  # fmt: skip


def board_of(name: str) -> Board | None:
    """The board called `name`; None for `none`. Raises ConfigError for an unknown one."""
    if name == "none":
        return None
    if name not in BOARDS:
        raise ConfigError(f"board {name!r} is not known{suggestion(name, BOARDS)}")
    return BOARDS[name]
