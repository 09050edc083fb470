"""Boards and parts as data: the family that Yosys synthesizes for, and what the part holds.

Sources: DS190 (Zynq-7000), DS891 (Zynq UltraScale+ MPSoC), DS987 (Kria K26).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flows.config import suggestion
from flows.errors import ConfigError
from flows.synthesize.cells import Counts


@dataclass(frozen=True)
class Part:
    """`family`: Yosys' name of it. `capacity`: what the part holds, None where the design has no limit."""

    name: str
    family: str
    capacity: Counts | None

    def share(self, used: Counts) -> dict[str, float]:
        """Fraction of the part that `used` takes, for every resource that the part has."""
        capacity = self.capacity or {}
        return {name: used[name] / capacity[name] for name in used if capacity.get(name)}


def _capacity(lut: int, lutram: int, bram_36k: int, uram: int, dsp: int) -> Counts:
    # Two flip-flops and, in both families, one carry bit per LUT; SRLs share the LUTs that can be RAM.
    return {
        "LUT": lut, "LUTRAM": lutram, "SRL": lutram, "FF": 2 * lut, "CARRY": lut // 4,
        "BRAM_18K": 2 * bram_36k, "URAM": uram, "DSP": dsp,
    }  # fmt: skip


_DEVICES: Mapping[str, tuple[str, Counts]] = {
    "xc7z020": ("xc7", _capacity(53_200, 17_400, 140, 0, 220)),
    "xczu3eg": ("xcup", _capacity(70_560, 28_800, 216, 0, 360)),
    "xczu7ev": ("xcup", _capacity(230_400, 101_760, 312, 96, 1_728)),
    "xck26": ("xcup", _capacity(117_120, 57_600, 144, 64, 1_248)),
}
_FAMILIES = {"xc7": "xc7", "xczu": "xcup", "xck26": "xcup", "xcku": "xcup", "xcvu": "xcup", "xcau": "xcup"}
BOARDS: Mapping[str, str | None] = {
    "pynq-z1": "xc7z020clg400-1",
    "pynq-z2": "xc7z020clg400-1",
    "zcu104": "xczu7ev-ffvc1156-2-e",
    "kv260": "xck26-sfvc784-2LV-c",
    "ultra96-v2": "xczu3eg-sbva484-1-e",
    "none": None,
}
"""Board to the part on it. `none`: no resource limit, synthesized for the 7 series unless a part is named."""


def part_of(board: str, fpga_part: str | None = None) -> Part:
    """The part of `board`, or `fpga_part` where one is named (which must be the board's own, or the board `none`).

    Raises ConfigError for an unknown board, a part that is not the board's, or a part of a family that is not known.
    """
    if board not in BOARDS:
        raise ConfigError(f"board {board!r} is not known{suggestion(board, BOARDS)}")
    own = BOARDS[board]
    if own is not None and fpga_part is not None and fpga_part != own:
        raise ConfigError(
            f"board {board!r} carries {own}, not fpga_part {fpga_part!r}; for a part without its board, set board: none"
        )
    name = own or fpga_part
    if name is None:
        return Part("none", "xc7", None)
    device = next((d for d in _DEVICES if name.lower().startswith(d)), None)
    if device is not None:
        return Part(name, *_DEVICES[device])
    family = next((f for prefix, f in _FAMILIES.items() if name.lower().startswith(prefix)), None)
    if family is None:
        raise ConfigError(f"fpga_part {name!r}: not a 7-series or UltraScale+ part{suggestion(name, _known())}")
    return Part(name, family, None)


def _known() -> tuple[str, ...]:
    return tuple(dict.fromkeys(part for part in BOARDS.values() if part))
