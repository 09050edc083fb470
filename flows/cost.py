"""What a module costs in LUTs, block RAMs and DSPs, as a formula of its parameters: an `estimate`, to compare with.

The formulas are those of `flows.area`; `python -m benchmarks area_model` says how far they are from Yosys. What is
reported as a resource comes from a synthesis tool.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from flows.area import MODULES, luts
from flows.area.memory import BRAM_BITS
from flows.design import Design, MemFile, Param
from flows.synthesize.parts import Part

LUTS_PER_BRAM = 20
"""What a block RAM is worth when foldings are compared. Little: LUTs run out first (the Zynq 7020 has 190 for each),
and what is asked of the search is to save them."""
ROM_BITS_PER_LUT = 64


@dataclass(frozen=True)
class Cost:
    """`lut`: logic, LUTRAM and ROMs in LUTs; `bram`: block RAMs of 18 Kb; `rom_bits`: what those of ROMs hold; `dsp`:
    slices, which are worth nothing in the `price`: who asks for them has them."""

    lut: float = 0.0
    bram: int = 0
    rom_bits: int = 0
    dsp: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.lut + other.lut, self.bram + other.bram, self.rom_bits + other.rom_bits, self.dsp + other.dsp)

    @property
    def price(self) -> float:
        """One number to compare with, in LUTs."""
        return self.lut + LUTS_PER_BRAM * self.bram


def cost(module: str, params: Mapping[str, Param], memories: Sequence[MemFile] = ()) -> Cost:
    """Of one instance; with its memories, for what is in them decides what a ROM as logic costs.

    A module without a formula (no operator has one) costs what its registers' multiplexers might.
    """
    if module not in MODULES:
        return _other(params)
    parts = MODULES[module](params, memories)
    return Cost(luts(module, parts), parts.bram, parts.rom_bits, parts.dsp)


def total(design: Design) -> Cost:
    """Of all the instances."""
    return added(cost(i.module, i.params, i.memories) for i in design.instances)


def added(costs: Iterable[Cost]) -> Cost:
    """The sum."""
    return sum(costs, Cost())


def link(from_lanes: int, to_lanes: int, bits: int, bursts: bool) -> Cost:
    """The FIFO and the width converters between streams of `from_lanes` and `to_lanes` lanes of `bits` bits.

    `bursts`: the reader takes its input in bursts, so that the FIFO is on its side (see `flows.elaborate`).
    """
    lanes = to_lanes if bursts else min(from_lanes, to_lanes)
    return _known("fifo", DEPTH=2, WIDTH=lanes * bits) + _converters(from_lanes, to_lanes, bits)


def _converters(from_lanes: int, to_lanes: int, bits: int) -> Cost:
    if from_lanes == to_lanes:
        return Cost()
    if from_lanes % to_lanes and to_lanes % from_lanes:
        middle = math.lcm(from_lanes, to_lanes)
        return _converters(from_lanes, middle, bits) + _converters(middle, to_lanes, bits)
    return _known("dwc", IN_WIDTH=from_lanes * bits, OUT_WIDTH=to_lanes * bits)


@lru_cache(maxsize=1 << 14)
def _known(module: str, **params: int) -> Cost:
    return cost(module, params)


def excess(used: Cost, part: Part) -> dict[str, tuple[int, int]]:
    """{resource: (needed, there)} of what `part` does not have; ROMs that block RAM cannot hold go to LUTs."""
    if part.capacity is None:
        return {}
    luts, brams = part.capacity["LUT"], part.capacity["BRAM_18K"]
    over = max(0, used.bram - brams)
    moved = min(over * BRAM_BITS, used.rom_bits)
    lut = round(used.lut + moved / ROM_BITS_PER_LUT)
    bram = used.bram - moved // BRAM_BITS
    found = {"LUT": (lut, luts), "BRAM_18K": (bram, brams), "DSP": (used.dsp, part.capacity["DSP"])}
    return {name: (need, there) for name, (need, there) in found.items() if need > there}


def _other(p: Mapping[str, Param]) -> Cost:
    width = p.get("WIDTH", p.get("SIMD", 1))
    return Cost(10.0 + (width if isinstance(width, int) else 1))
