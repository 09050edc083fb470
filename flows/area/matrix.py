"""Parts of the layers that multiply by weights in a ROM: `mvau.sv`, `mvau_dsp.sv`, `mvau_sparse.sv`, `vvau.sv`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from flows.area.memory import Rom, ram, rom
from flows.area.parts import Params, Parts, bits_of, entries, number
from flows.area.planes import Adders, Lane
from flows.design import MemFile
from flows.graph import IntType
from flows.kernels.mvau_dsp import Plan, lane_luts

MOST_COLUMNS = 1 << 12
"""Bits of a word of weights of which each is looked at: of more, most vary, and a lane is as good as another."""


def _multipliers(p: Params, words: Rom, apart: bool, accumulate: bool, others: int = 0) -> Parts:
    """Of all lanes but the first `others`; `apart`: every lane has inputs of its own (VVAU)."""
    simd, weight_bits, input_bits = (number(p, key) for key in ("SIMD", "WEIGHT_BITS", "INPUT_BITS"))
    kinds = [Lane(simd, weight_bits, input_bits, bool(p["INPUT_SIGNED"]), acc) for acc in entries(p, "ACC_BITS", 8)]
    kinds = kinds[others:]
    if not words.known or words.width > MOST_COLUMNS:
        luts = sum(_alone(lane) + lane.acc_bits * accumulate for lane in kinds)
        pairs = simd // 2 * (len(kinds) if apart else bool(kinds))
        return Parts({"adder": float(luts), "pair": float(pairs * input_bits)})
    adders, sums, size, columns = Adders(), 0, simd * weight_bits, words.columns
    for place, lane in enumerate(kinds, others):
        dot = adders.lane(lane, columns[place * size : (place + 1) * size], place if apart else 0)
        sums += lane.acc_bits if accumulate and len(dot) > 1 else 0
    # With a single word the weights are constants, and more of the sums' bits are than what is counted here. What is
    # made again stays so in carry chains, which ABC does not see into; sums of single bits are hardly in any.
    name = "adder" if words.depth > 1 else "adder_constant"
    again = adders.again if words.depth > 1 and input_bits > 1 else 0.0
    return Parts({name: adders.luts + sums, "again": again, "pair": float(len(adders.pairs) * input_bits)})


@lru_cache(maxsize=1 << 12)
def _alone(lane: Lane) -> float:
    """LUTs of a lane of whose weights nothing is known."""
    adders = Adders()
    adders.lane(lane, range(2, 2 + lane.simd * lane.weight_bits), 0)
    return adders.luts


def mvau(p: Params, memories: Sequence[MemFile], in_slices: int = 0) -> Parts:
    """Weights, the buffer that replays a vector, counters, multipliers of all lanes but `in_slices`."""
    mw, mh, pe, simd = (number(p, key) for key in ("MW", "MH", "PE", "SIMD"))
    beats, folds = mw // simd, mh // pe
    words = Rom(beats * folds, pe * simd * number(p, "WEIGHT_BITS"), *memories[:1])
    style = str(p.get("RAM_STYLE", "auto"))
    parts = rom(words, style) + _multipliers(p, words, False, beats > 1, in_slices)
    counted = {"one": 1.0, "count": float(bits_of(beats * folds))}
    if beats > 1 and folds > 1:
        counted |= {"replay": 1.0, "beat": float(bits_of(beats))}
        return parts + ram(beats, simd * number(p, "INPUT_BITS"), clocked=False) + Parts(counted)
    # The counter is the address itself, which ABC then makes less of.
    deep = {f"{name}_direct": many for name, many in parts.lut.items() if name in ("rom_whole", "rom_two", "rom_deep")}
    lut = {name: many for name, many in parts.lut.items() if f"{name}_direct" not in deep}
    return Parts({**lut, **deep, **counted}, parts.bram, parts.rom_bits)


def mvau_dsp(p: Params, memories: Sequence[MemFile]) -> Parts:
    """As `mvau`, with the first lanes in DSP slices: what tells them apart, and adds up cascades and beats."""
    plan = Plan(number(p, "DSP_PE"), number(p, "PER_DSP"), number(p, "CHAIN"))
    in_type, simd = IntType(number(p, "INPUT_BITS"), bool(p["INPUT_SIGNED"])), number(p, "SIMD")
    lanes = plan.dsp_pe * lane_luts(plan, simd, number(p, "WEIGHT_BITS"), bool(p["NARROW"]), in_type)
    sums = sum(entries(p, "ACC_BITS", 8)[: plan.dsp_pe]) if number(p, "MW") > simd else 0
    sliced = Parts({"slice": lanes, "slice_sum": float(sums)}, dsp=plan.slices(simd))
    return mvau(p, memories, plan.dsp_pe) + sliced


def mvau_sparse(p: Params, memories: Sequence[MemFile]) -> Parts:
    """Tiles of weights with a place and a flag, two vectors, counters, multipliers."""
    mw, pe, simd, tiles = (number(p, key) for key in ("MW", "PE", "SIMD", "TILES"))
    beats = mw // simd
    weights = pe * simd * number(p, "WEIGHT_BITS")
    words = Rom(tiles, weights + bits_of(beats) + 1, *memories[:1])
    style = str(p.get("RAM_STYLE", "auto"))
    vectors = ram(2 * beats, simd * number(p, "INPUT_BITS"), clocked=False)
    counted = {"one": 1.0, "count": float(bits_of(tiles)), "beat": float(bits_of(beats))}
    if beats & (beats - 1):
        counted["place"] = float(bits_of(2 * beats))
    return rom(words, style) + _multipliers(p, words, False, True) + vectors + Parts(counted)


def vvau(p: Params, memories: Sequence[MemFile]) -> Parts:
    """Weights, counters, multipliers whose inputs are each lane's own."""
    k, channels, pe, simd = (number(p, key) for key in ("K", "CHANNELS", "PE", "SIMD"))
    beats, folds = k // simd, channels // pe
    words = Rom(beats * folds, pe * simd * number(p, "WEIGHT_BITS"), *memories[:1])
    style = str(p.get("RAM_STYLE", "auto"))
    counted = {"one": 1.0, "count": float(bits_of(beats * folds)), "beat": float(bits_of(beats))}
    return rom(words, style) + _multipliers(p, words, True, beats > 1) + Parts(counted)
