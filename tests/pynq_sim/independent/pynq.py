"""`pynq` over cocotbpynq, for tests/pynq_sim/test_against_cocotbpynq.py; imported by its process only.

cocotbpynq (GPL-3, not shipped, not in our requirements) gives the AXI-Lite master, the stream master and sink, and
finds the ports in the .hwh file; none of that is ours. What it lacks and our driver needs is here: `ip_dict`, buffers
with an address, and the DMA's registers, in front of its `transfer`. Its limits: 32-bit streams, no stalls, no faults.
"""

from __future__ import annotations

from typing import Any

import cocotb
import cocotbpynq
import numpy as np
from cocotb.task import resume
from cocotb.triggers import ClockCycles, ReadOnly, RisingEdge
from cocotbpynq import dut as under_test
from cocotbpynq import overlay as loaded

MM2S, S2MM = 0x00, 0x30
CONTROL, STATUS, ADDRESS_LOW, ADDRESS_HIGH, LENGTH = 0x00, 0x04, 0x18, 0x1C, 0x28
CYCLES_OF_AN_ACCESS = 32
"""Time passes only while the driver reads or writes registers: about what a processor's access to one takes."""
_memory: dict[int, Buffer] = {}
_dma: dict[int, Channel] = {}


class Buffer(np.ndarray):
    """Memory that processor and DMA see alike."""

    physical_address: int

    def __array_finalize__(self, source: Any) -> None:
        self.physical_address = -1

    def flush(self) -> None:
        """Nothing to do: see the class."""

    invalidate = flush

    def freebuffer(self) -> None:
        del _memory[self.physical_address]


def allocate(shape: Any, dtype: Any = "u4", **_: Any) -> Buffer:
    buffer = cocotbpynq.allocate(shape, dtype=dtype).view(Buffer)
    buffer.fill(0xA5)
    last = max(_memory, default=None)
    buffer.physical_address = 0x1000_0000 if last is None else last + -(-_memory[last].nbytes // 4096) * 4096
    _memory[buffer.physical_address] = buffer
    return buffer


def open_buffers() -> int:
    return len(_memory)


async def _reset(dut: Any, held: int, after: int) -> None:
    """cocotbpynq's own reset looks for a clock called `clk`, not for the one that it found in the .hwh file."""
    dut.rst.value = int(not dut.rst_active_low)
    await ClockCycles(dut.clk, held)
    dut.rst.value = int(dut.rst_active_low)
    await ClockCycles(dut.clk, after)
    dut.done_reset.set()


under_test.CocotbPynqDut.reset_dut = _reset


class Overlay:
    """cocotbpynq's, and what its .hwh file says of every block with registers."""

    def __init__(self, bitfile_name: str, dtbo: str | None = None, download: bool = True) -> None:
        self._overlay = cocotbpynq.Overlay(bitfile_name)
        modules = {m.get("INSTANCE"): m.get("VLNV") for m in loaded.hwh_tree.iter("MODULE")}
        self.ip_dict: dict[str, dict[str, Any]] = {}
        for entry in loaded.hwh_tree.iter("MEMRANGE"):
            name, base, high = entry.get("INSTANCE"), int(entry.get("BASEVALUE"), 0), int(entry.get("HIGHVALUE"), 0)
            self.ip_dict[name] = {"type": modules[name], "phys_addr": base, "addr_range": high - base + 1}
            if modules[name].startswith("xilinx.com:ip:axi_dma:"):
                dma = getattr(self._overlay, name)
                _dma.update({base + MM2S: Channel(dma.sendchannel), base + S2MM: Channel(dma.recvchannel)})


class Channel:
    """Registers of one DMA channel (AMD PG021, direct register mode) in front of cocotbpynq's channel."""

    def __init__(self, channel: Any) -> None:
        self.channel, self.registers, self.moving, self.moved, self.words = channel, {CONTROL: 0}, False, False, 0

    def read(self, register: int) -> int:
        if self.moving and self.channel.is_idle.is_set():
            self.channel.wait()
            self.moving, self.moved = False, True
        if register == STATUS:
            return (not self.registers[CONTROL] & 1) | 2 * self.moved | 0x1000 * self.moved
        return 4 * self.words if register == LENGTH else self.registers[register]

    def write(self, register: int, value: int) -> None:
        if register == STATUS:
            return
        self.registers[register] = value
        if register == CONTROL and value & 4:
            assert not self.moving, "cocotbpynq cannot end a transfer"
            self.registers, self.moved = {CONTROL: 0}, False
        if register == LENGTH:
            address = self.registers[ADDRESS_LOW] | self.registers[ADDRESS_HIGH] << 32
            assert value <= _memory[address].nbytes and self.registers[CONTROL] & 1
            self.moving, self.moved, self.words = True, False, 0
            self.channel.transfer(_memory[address], 0, value)
            cocotb.start_soon(self._count())

    async def _count(self) -> None:
        """Words taken at the port, as the DMA counts them: cocotbpynq's sink does not say how many came."""
        bus = self.channel.cpbus
        while not self.channel.is_idle.is_set():
            await ReadOnly()
            taken = bus.TVALID.value == 1 and bus.TREADY.value == 1
            await RisingEdge(bus.cpdut.clk)
            self.words += taken


class MMIO:
    """The accelerator's registers through cocotbpynq's AXI-Lite master, the DMA's through `Channel`."""

    def __init__(self, base_addr: int, length: int = 4) -> None:
        self.base, self.is_dma = base_addr, base_addr in _dma
        # Its check of the range leaves out a block's last byte.
        self.mmio = None if self.is_dma else cocotbpynq.MMIO(base_addr, length - 1)

    def _channel(self, offset: int) -> tuple[Channel, int]:
        start = S2MM if offset >= S2MM else MM2S
        return _dma[self.base + start], offset - start

    def read(self, offset: int = 0) -> int:
        _pass()
        if self.mmio is not None:
            return self.mmio.read(offset)
        channel, register = self._channel(offset)
        return channel.read(register)

    def write(self, offset: int, data: int) -> None:
        _pass()
        if self.mmio is not None:
            self.mmio.write(offset, data)
            return
        channel, register = self._channel(offset)
        if register == CONTROL and data & 4:  # a reset of one channel is one of both
            for each in (MM2S, S2MM):
                _dma[self.base + each].write(CONTROL, data)
            return
        channel.write(register, data)


@resume
async def _pass() -> None:
    await ClockCycles(loaded.cptop.clk, CYCLES_OF_AN_ACCESS)


class Clocks:
    fclk0_mhz = 100.0
