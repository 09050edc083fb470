"""Parts of `thresholding.sv`: per lane and bit of the count a memory of thresholds and a comparison."""

from __future__ import annotations

from collections.abc import Sequence

from flows.area.memory import Rom, rom
from flows.area.parts import Params, Parts, bits_of, number, together
from flows.design import MemFile

SHARED_WORDS = 32
"""With so many words, the bit of a threshold and its comparison are one LUT."""
DIRECT_WORDS = 64
"""Up to here the memory is read behind the register, as in thresholding_stage.sv."""


def thresholding(p: Params, memories: Sequence[MemFile]) -> Parts:
    """Stages, the clipping of x, the counter of folds."""
    folds, lanes, stages = (
        number(p, "CHANNELS") // number(p, "PE"),
        number(p, "PE"),
        number(p, "THRESHOLDS").bit_length(),
    )
    both_signed = bool(p["INPUT_SIGNED"]) or bool(p["THRESH_SIGNED"])
    x_bits = number(p, "INPUT_BITS") + (both_signed and not p["INPUT_SIGNED"])
    t_bits = number(p, "THRESH_BITS") + (both_signed and not p["THRESH_SIGNED"])
    both, clipped = max(x_bits, t_bits), number(p, "THRESH_BITS") + 1
    clip = both > clipped and stages * (both - clipped) > clipped
    compared = clipped if clip else both
    counted = {
        "one": 1.0, "lane": float(lanes), "fold": float(bits_of(folds)),
        "clip": float(lanes * (compared + (both - clipped) // 5)) if clip else 0.0,
        "sign": float(lanes * both_signed) if not clip else 0.0,
        "bias": float(lanes * number(p, "OUT_BITS")) if p["OUT_BIAS"] else 0.0,
    }  # fmt: skip
    found = Parts(counted)
    style = str(p.get("RAM_STYLE", "auto"))
    for stage in range(stages):
        # Memories are in the order of stages, then lanes.
        files: Sequence[MemFile | None] = memories[stage * lanes : (stage + 1) * lanes] or [None] * lanes
        found += together(
            _stage(Rom(folds << stage, number(p, "THRESH_BITS"), file), compared, style) for file in files
        )
    return found


def _stage(words: Rom, compared: int, style: str) -> Parts:
    """A LUT a bit where the threshold is in it or in a register, two where the threshold needs one of its own."""
    columns = list(words.columns)
    if words.depth > DIRECT_WORDS or style == "block":
        return rom(words, style) + Parts({"compare": float(compared)})
    # x + ~t: of a constant bit the LUT is an inverter (t = 0) or nothing but a wire (t = 1).
    columns += [columns[-1]] * (compared - words.width)
    inverters = sum(c == 0 for c in columns)
    varying = [c for c in columns if c > 1]
    if words.depth <= SHARED_WORDS:
        return Parts({"shared": float(len(varying)), "inverter": float(inverters)})
    return words.logic() + Parts({"compare": float(len(varying)), "inverter": float(inverters)})
