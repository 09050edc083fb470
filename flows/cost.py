"""What a module costs in LUTs, block RAMs and DSPs, as a formula of its parameters: an `estimate`, to compare foldings
with.

The coefficients are fitted to Yosys 0.6x's results for the 7 series (`synth_xilinx`, per instance) of this project's
example designs; tests/test_cost.py says how well they do. What is reported as a resource comes from a synthesis tool.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from flows.design import Bits, Design, Param
from flows.graph import IntType
from flows.kernels import mvau_dsp
from flows.synthesize.parts import Part

BRAM_BITS = 18 * 1024
_ASPECTS = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))
_BLOCK_WEIGHT = 129
_ROM_BITS = 64
_LUTRAM_WEIGHT = 8
"""How Yosys weighs what a memory may become: a block RAM of 18 Kb, 64 bits of a ROM as logic (1), a LUTRAM of 32 x 6 or
64 x 3 bits (its brams_xc4v.txt and lutrams_xc5v.txt). The least wins, a block RAM where it is less than the others."""
LUTS_PER_BRAM = 20
"""What a block RAM is worth when foldings are compared. Little: LUTs run out first (the Zynq 7020 has 190 for each),
and what is asked of the search is to save them."""
ROM_BITS_PER_LUT = 64
_PRODUCT_BIT = mvau_dsp.LUTS_PER_PRODUCT_BIT


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


def cost(module: str, params: Mapping[str, Param]) -> Cost:
    """Of one instance; a module without a formula costs what its registers' multiplexers might."""
    p = {key: value for key, value in params.items() if isinstance(value, int)}
    acc = params.get("ACC_BITS")
    if isinstance(acc, Bits):
        p["ACC_TOTAL"] = sum(acc.value >> 8 * n & 255 for n in range(acc.width // 8))
    return MODULES.get(module, _other)(p)


def total(design: Design) -> Cost:
    """Of all the instances."""
    return added(cost(i.module, i.params) for i in design.instances)


def added(costs: Iterable[Cost]) -> Cost:
    """The sum."""
    return sum(costs, Cost())


def link(from_lanes: int, to_lanes: int, bits: int, bursts: bool) -> Cost:
    """The FIFO and the width converters between streams of `from_lanes` and `to_lanes` lanes of `bits` bits.

    `bursts`: the reader takes its input in bursts, so that the FIFO is on its side (see `flows.elaborate`).
    """
    lanes = to_lanes if bursts else min(from_lanes, to_lanes)
    return _fifo({"DEPTH": 2, "WIDTH": lanes * bits}) + _converters(from_lanes, to_lanes, bits)


def _converters(from_lanes: int, to_lanes: int, bits: int) -> Cost:
    if from_lanes == to_lanes:
        return Cost()
    if from_lanes % to_lanes and to_lanes % from_lanes:
        middle = math.lcm(from_lanes, to_lanes)
        return _converters(from_lanes, middle, bits) + _converters(middle, to_lanes, bits)
    return _dwc({"IN_WIDTH": from_lanes * bits, "OUT_WIDTH": to_lanes * bits})


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


def _memory(depth: int, width: int, rom: bool, block: bool | None = None) -> Cost:
    bits = depth * width
    brams = min(-(-depth // d) * -(-width // w) for d, w in _ASPECTS)
    if block is None:
        lutrams = min(-(-depth // d) * -(-width // w) for d, w in ((32, 6), (64, 3)))
        logic = bits / _ROM_BITS if rom else _LUTRAM_WEIGHT * lutrams
        block = brams * _BLOCK_WEIGHT < logic
    if block:
        return Cost(4.0 if rom else 25.0, brams, bits if rom else 0)
    if rom:
        # Two words of up to 5 address bits share a LUT; deeper ones are multiplexed.
        return Cost(width * (0.55 if depth <= 32 else 1.3 * -(-depth // 64)))
    return Cost(width * 1.35 * -(-depth // 32) / 1.5)


def _mvau(p: Mapping[str, int]) -> Cost:
    macs, words = p["PE"] * p["SIMD"], p["MW"] // p["SIMD"] * (p["MH"] // p["PE"])
    weights = _memory(words, macs * p["WEIGHT_BITS"], rom=True)
    beats = p["MW"] // p["SIMD"]
    replay = Cost()
    if beats > 1 and p["PE"] < p["MH"]:
        replay = _memory(beats, p["SIMD"] * p["INPUT_BITS"], rom=False, block=False)
    return weights + replay + Cost(40 + _PRODUCT_BIT * macs * p["WEIGHT_BITS"] * p["INPUT_BITS"] + p["ACC_TOTAL"])


def _mvau_dsp(p: Mapping[str, int]) -> Cost:
    """As `_mvau` with fewer lanes; what tells the lanes of a slice apart and adds up its cascades: `mvau_dsp`."""
    packed = mvau_dsp.Plan(p["DSP_PE"], p["PER_DSP"], p["CHAIN"])
    in_type = IntType(p["INPUT_BITS"], bool(p["INPUT_SIGNED"]))
    lanes = packed.dsp_pe * mvau_dsp.lane_luts(packed, p["SIMD"], p["WEIGHT_BITS"], bool(p["NARROW"]), in_type)
    in_luts = (p["PE"] - packed.dsp_pe) * p["SIMD"] * p["WEIGHT_BITS"] * p["INPUT_BITS"]
    multiplied = p["PE"] * p["SIMD"] * p["WEIGHT_BITS"] * p["INPUT_BITS"]
    logic = Cost(lanes + _PRODUCT_BIT * (in_luts - multiplied) + 0.5 * p["ACC_TOTAL"], dsp=packed.slices(p["SIMD"]))
    return _mvau(p) + logic


def _mvau_sparse(p: Mapping[str, int]) -> Cost:
    """Two input vectors, and a place and a flag beside the weights of every tile."""
    macs, beats = p["PE"] * p["SIMD"], p["MW"] // p["SIMD"]
    tiles = _memory(p["TILES"], macs * p["WEIGHT_BITS"] + (beats - 1).bit_length() + 1, rom=True)
    vectors = _memory(2 * beats, p["SIMD"] * p["INPUT_BITS"], rom=False, block=False)
    return tiles + vectors + Cost(60 + _PRODUCT_BIT * macs * p["WEIGHT_BITS"] * p["INPUT_BITS"] + p["ACC_TOTAL"])


def _mvau_const(p: Mapping[str, int]) -> Cost:
    """An adder a node, most of them narrower than the widest value."""
    return Cost(10.0 + 0.6 * p["NODES"] * p["VALUE_BITS"])


def _thresholding_const(p: Mapping[str, int]) -> Cost:
    return Cost(10.0 + p["CHANNELS"] * p["LUTS"])


def _vvau(p: Mapping[str, int]) -> Cost:
    lanes = p["PE"] * p.get("SIMD", 1)
    words = p["K"] // p.get("SIMD", 1) * (p["CHANNELS"] // p["PE"])
    logic = 25 + _PRODUCT_BIT * lanes * p["WEIGHT_BITS"] * p["INPUT_BITS"] + p["ACC_TOTAL"]
    return _memory(words, lanes * p["WEIGHT_BITS"], rom=True) + Cost(logic)


def _thresholding(p: Mapping[str, int]) -> Cost:
    stages = p["THRESHOLDS"].bit_length()
    folds = p["CHANNELS"] // p["PE"]
    lane = Cost(0.6 * stages * p["INPUT_BITS"] + 4 * stages)
    for stage in range(stages):
        lane += _memory(folds << stage, p["THRESH_BITS"], rom=True)
    return added([lane] * p["PE"]) + Cost(15.0)


def _swg(p: Mapping[str, int]) -> Cost:
    depth, width = p["DEPTH"], p["WIDTH"]
    # Where the memory is no power of two, positions are counted a second time, as addresses.
    control = Cost(40.0 if depth & (depth - 1) == 0 else 70.0)
    memory = _memory(depth, width, rom=False)
    return control + (memory if memory.bram else _lutram(depth, width))


def _lutram(depth: int, width: int) -> Cost:
    """64 words of 3 bits in four LUTs, or 32 of 6; what comes from several is multiplexed."""
    banks = -(-depth // 64)
    return Cost(4.0 * -(-width // (3 if depth > 32 else 6)) * banks + 0.6 * width * (banks - 1))


def _swg_parallel(p: Mapping[str, int]) -> Cost:
    columns = p["KH"] * (p["KW"] - 1) * p["WIDTH"]
    lines = _memory((p["DH"] * p["W"] - (p["KW"] - 1) * p["DW"]) * p["FOLDS"], (p["KH"] - 1) * p["WIDTH"], rom=False)
    return Cost(35.0) + _memory(p["DW"] * p["FOLDS"], columns, rom=False) + lines


def _fifo(p: Mapping[str, int]) -> Cost:
    """As `fifo.sv` is laid out: two pointers of a LUT or two, a counter, and the memory."""
    depth, width = p["DEPTH"], p["WIDTH"]
    if depth == 1:
        return Cost(3.0)
    bits = (depth - 1).bit_length()
    if depth == 2:
        return Cost(4.0 + width) if width < 12 else Cost(7.0) + _lutram(depth, width)
    if depth <= 64:
        return Cost(9.0 + 1.4 * bits) + _lutram(depth, width)
    ring, counted = depth - 1, Cost(8.0 + 1.7 * bits)
    block = -(-width // 3) * -(-ring // 64) >= 12
    piece = 512 if block else 64
    if -(-ring // piece) * piece < 1 << bits:  # places that are counted, with an end
        counted += Cost(1.2 * bits)
    return counted + (Cost(0.0, _memory(ring, width, rom=False, block=True).bram) if block else _lutram(ring, width))


def _dwc(p: Mapping[str, int]) -> Cost:
    return Cost(6.0 if p["OUT_WIDTH"] > p["IN_WIDTH"] else 0.9 * p["IN_WIDTH"])


def _fmpadding(p: Mapping[str, int]) -> Cost:
    return Cost(16.0 + p["WIDTH"])


def _ring(p: Mapping[str, int]) -> Cost:
    depth = p["W"] * p.get("FOLDS", 2 * p.get("SEGMENT", 1))
    return Cost(80.0) + _memory(depth, p["WIDTH"], rom=False)


def _pool(p: Mapping[str, int]) -> Cost:
    return Cost(6.0 + 1.5 * p["PE"] * p["OUT_BITS"])


def _pool_parallel(p: Mapping[str, int]) -> Cost:
    return Cost(6.0 + 1.5 * (p["WINDOW"] - 1) * p["PE"] * p["OUT_BITS"])


def _add(p: Mapping[str, int]) -> Cost:
    return Cost(3.0 + 1.0 * p["PE"] * p["OUT_BITS"])


def _globalaccpool(p: Mapping[str, int]) -> Cost:
    return Cost(15.0 + p["PE"] * p["OUT_BITS"]) + _memory(p["FOLDS"], p["PE"] * p["OUT_BITS"], rom=False, block=False)


def _labelselect(p: Mapping[str, int]) -> Cost:
    return Cost(8.0 + 1.5 * p["PE"] * p["INPUT_BITS"])


def _other(p: Mapping[str, int]) -> Cost:
    return Cost(10.0 + p.get("WIDTH", p.get("SIMD", 1) * p.get("OUT_BITS", 8)))


MODULES: Mapping[str, Callable[[Mapping[str, int]], Cost]] = {
    "mvau": _mvau, "mvau_dsp": _mvau_dsp, "mvau_sparse": _mvau_sparse, "mvau_const": _mvau_const,
    "thresholding_const": _thresholding_const, "vvau": _vvau, "thresholding": _thresholding, "swg": _swg,
    "swg_parallel": _swg_parallel,
    "fifo": _fifo, "dwc": _dwc, "fmpadding": _fmpadding, "upsample": _ring, "depthtospace": _ring, "pool": _pool,
    "pool_parallel": _pool_parallel, "add": _add, "globalaccpool": _globalaccpool, "labelselect": _labelselect,
}  # fmt: skip
