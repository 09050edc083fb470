"""MVAU that multiplies in DSP slices, on `mvau_dsp.sv`: several rows of weights share a slice, as far as that is exact.

A slice multiplies 25 by 18 bits. The weights of several lanes, SPACING bits apart, make one factor and their common
input the other, and a cascade of slices adds up such products; `mvau_dsp_chain.sv` says how the lanes' sums come apart
again. Where a row would have to be packed so densely that taking it apart needs more logic than it saves, it is
multiplied in LUTs. As many slices as FINN's MVAU takes are taken at most: SIMD for every `most_lanes` lanes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flows.design import Fold, Lowered, MemFile, Param
from flows.graph import MVAU, IntType

FACTOR_BITS = 25
"""Of the wide factor of a DSP48E1, signed."""
LUTS_PER_PRODUCT_BIT = 1.15
"""Of a lane in LUTs, for every bit of a weight times every bit of an input; fitted, see `flows.cost`."""
LONGEST = 8
"""Slices in a cascade: two times as many as one clock cycle passes (`mvau_dsp_chain.sv`)."""


@dataclass(frozen=True)
class Plan:
    """`dsp_pe` of the PE lanes are in slices, `per_dsp` in each, in cascades of `chain`."""

    dsp_pe: int
    per_dsp: int
    chain: int

    def slices(self, simd: int) -> int:
        """DSP slices in all."""
        return -(-self.dsp_pe // self.per_dsp) * simd


def most_lanes(weight_bits: int, input_bits: int, narrow: bool) -> int:
    """Lanes in a slice of FINN's MVAU (its `mvu.sv`, NUM_LANES), for weights of `weight_bits` bits, signed.

    `narrow`: no weight is -2**(weight_bits - 1).
    """
    room = FACTOR_BITS - (not narrow) - weight_bits
    return 1 + room // max(weight_bits + input_bits - 1, 1)


def spacing(per_dsp: int, weight_bits: int, narrow: bool) -> int:
    """Bits between neighbours of `per_dsp` lanes in the wide factor."""
    room = FACTOR_BITS - (not narrow) - weight_bits
    return room // (per_dsp - 1) if per_dsp > 1 else room


def leaf_bits(chain: int, weight_bits: int, narrow: bool, in_type: IntType) -> int:
    """Of the sum of `chain` products, less one where the lanes below borrow."""
    weights = (-(1 << weight_bits - 1) + narrow, (1 << weight_bits - 1) - 1)
    products = [w * x for w in weights for x in (in_type.min, in_type.max)]
    return IntType.for_range(chain * min(products) - 1, chain * max(products), signed=True).bits


def lane_luts(packed: Plan, simd: int, weight_bits: int, narrow: bool, in_type: IntType) -> float:
    """LUTs of a lane in slices without its accumulator, by estimate: parities, the tree over the cascades, carries."""
    bits = leaf_bits(packed.chain, weight_bits, narrow, in_type)
    leaves = -(-simd // packed.chain)
    found = (leaves - 1) * (bits + 1.0) + leaves
    if packed.per_dsp > 1 and bits > spacing(packed.per_dsp, weight_bits, narrow):
        # The top lane of every slice needs no parity.
        found += leaves * (-(-packed.chain // 3) + 2) * (packed.per_dsp - 1) / packed.per_dsp
    return found


def fits(packed: Plan, weight_bits: int, narrow: bool, in_type: IntType) -> bool:
    """Whether the lanes of a slice can be told apart (`mvau_dsp_chain.sv`)."""
    bits = leaf_bits(packed.chain, weight_bits, narrow, in_type)
    return packed.per_dsp == 1 or bits <= spacing(packed.per_dsp, weight_bits, narrow) + 1


def plan(pe: int, simd: int, weight_bits: int, narrow: bool, in_type: IntType) -> Plan:
    """What takes the fewest LUTs, by estimate, with at most `simd * ceil(pe / most_lanes)` slices."""
    groups = -(-pe // most_lanes(weight_bits, in_type.bits, narrow))
    in_luts = LUTS_PER_PRODUCT_BIT * simd * weight_bits * in_type.bits
    found = {}
    for per_dsp in range(1, pe + 1):
        inside = min(pe, groups * per_dsp)
        for chain in range(1, min(simd, LONGEST) + 1):
            packed = Plan(inside, per_dsp, chain)
            if not fits(packed, weight_bits, narrow, in_type):
                break
            lane = lane_luts(packed, simd, weight_bits, narrow, in_type)
            found[packed] = inside * lane + (pe - inside) * in_luts
    return min(found, key=lambda p: (found[p], p.slices(simd), p.per_dsp, p.chain))


def lower(
    op: MVAU, fold: Fold, shape: Mapping[str, Param], weights: MemFile, in_type: IntType, work_beats: int,
    lane_bits: tuple[int, ...],
) -> Lowered:  # fmt: skip
    """The module `mvau_dsp`; arguments as `mvau.lower` derives them; `shape`: the parameters of both modules."""
    weight_bits, out_bits = int(str(shape["WEIGHT_BITS"])), int(str(shape["OUT_BITS"]))
    narrow = int(op.weights.min()) > -(1 << weight_bits - 1)
    packed = plan(fold.pe, fold.simd, weight_bits, narrow, in_type)
    return Lowered(
        module="mvau_dsp",
        params={
            **shape,
            "NARROW": int(narrow),
            "DSP_PE": packed.dsp_pe,
            "PER_DSP": packed.per_dsp,
            "CHAIN": packed.chain,
            "WEIGHT_FILE": weights.name,
            "RAM_STYLE": fold.ram_style,
        },
        in_lanes=fold.simd,
        out_lanes=fold.pe,
        out_type=IntType(out_bits, signed=True),
        work_beats=work_beats,
        memories=(weights,),
        lane_bits=lane_bits,
    )
