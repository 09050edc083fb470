"""Overlay, MMIO and Clocks of the simulated board. Part of the stand-in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from ._board import Board, activate, active

MARK = b"a2qflow simulated bitstream\n"
"""Where the payload of a simulated .bit file begins."""
REGIONS = ("accelerator", "dma")


class Overlay:
    """Loads a simulated .bit file and reads the .hwh file beside it."""

    def __init__(self, bitfile_name: str, dtbo: str | None = None, download: bool = True, **_: Any) -> None:
        path = Path(bitfile_name)
        if not path.is_file():
            raise OSError(f"Bitstream file {bitfile_name} does not exist.")
        if not path.with_suffix(".hwh").is_file():
            raise ValueError(f"Cannot find HWH file for {bitfile_name}.")
        self.bitfile_name = str(path)
        self.ip_dict = blocks(path.with_suffix(".hwh"))
        _regions.clear()
        kinds = {"xilinx.com:ip:axi_dma:": 1}
        for entry in self.ip_dict.values():
            region = next((n for prefix, n in kinds.items() if entry["type"].startswith(prefix)), 0)
            _regions[entry["phys_addr"]] = region
        if download:
            self.download()

    def download(self) -> None:
        data = Path(self.bitfile_name).read_bytes()
        at = data.find(MARK)
        if at < 0:
            raise ValueError(f"{self.bitfile_name} is no simulated bitstream")
        activate(Board(json.loads(data[at + len(MARK) :]), Path(self.bitfile_name).parent))

    def free(self) -> None:
        """PYNQ's name for giving up the overlay."""


_regions: dict[int, int] = {}
"""Base address to region of the simulated board."""


def blocks(hwh: Path) -> dict[str, dict[str, Any]]:
    """{instance: {"type", "phys_addr", "addr_range", "parameters"}} of every block with registers in a .hwh file."""
    root = ElementTree.parse(hwh).getroot()
    modules = {m.get("INSTANCE", ""): m for m in root.iter("MODULE")}
    found = {}
    for entry in root.iter("MEMRANGE"):
        name = entry.get("INSTANCE", "")
        module = modules.get(name)
        if entry.get("MEMTYPE") != "REGISTER" or module is None:
            continue
        base, high = int(entry.get("BASEVALUE", "0"), 0), int(entry.get("HIGHVALUE", "0"), 0)
        found[name] = {
            "fullpath": name,
            "type": module.get("VLNV", ""),
            "phys_addr": base,
            "addr_range": high - base + 1,
            "parameters": {p.get("NAME"): p.get("VALUE") for p in module.iter("PARAMETER")},
        }
    return found


class MMIO:
    """32-bit registers of one block of the loaded overlay."""

    def __init__(self, base_addr: int, length: int = 4, **_: Any) -> None:
        if base_addr < 0 or length < 0:
            raise ValueError("Base address or length cannot be negative.")
        if base_addr not in _regions:
            raise OSError(f"no block at 0x{base_addr:x}: a real board would hang here")
        self.base_addr, self.length = base_addr, length

    def _offset(self, offset: int) -> int:
        if not 0 <= offset < self.length:
            raise IndexError(f"offset 0x{offset:x} is outside of the block's 0x{self.length:x} bytes")
        if offset % 4:
            raise MemoryError("Unaligned access: offset must be multiple of 4.")
        return offset

    def read(self, offset: int = 0, length: int = 4, word_order: str = "little") -> int:
        return active().read(_regions[self.base_addr], self._offset(offset))

    def write(self, offset: int, data: int) -> None:
        if type(data) is not int:
            raise ValueError("Data type must be int or bytes.")
        active().write(_regions[self.base_addr], self._offset(offset), data)


class _Clocks(type):
    fclk0_mhz: float = 100.0


class Clocks(metaclass=_Clocks):
    """The simulated clock runs as fast as it is told."""
