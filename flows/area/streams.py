"""Parts of what moves beats: `fifo.sv`, `dwc.sv`, `duplicate.sv`, `concat.sv`, `channelslice.sv`."""

from __future__ import annotations

from collections.abc import Sequence

from flows.area.memory import block, lutram
from flows.area.parts import Params, Parts, bits_of, number
from flows.design import MemFile


def fifo(p: Params, memories: Sequence[MemFile]) -> Parts:
    """As `fifo.sv` is laid out: two pointers of a LUT or two, a counter, and the memory."""
    depth, width = number(p, "DEPTH"), number(p, "WIDTH")
    if depth == 1:
        return Parts({"single": 1.0})
    if depth == 2 and width < 12:
        return Parts({"registers": 1.0, "data": float(width)})
    if depth == 2:
        return Parts({"two": 1.0}) + lutram(depth, width)
    if depth <= 64:
        return Parts({"direct": 1.0, "count": float(bits_of(depth))}) + lutram(depth, width)
    ring, bits, style = depth - 1, bits_of(depth - 1), str(p.get("RAM_STYLE", "auto"))
    use_block = style == "block" or (style == "auto" and 4 * -(-width // 3) * -(-ring // 64) >= 48)
    piece = 512 if use_block else 64
    whole = -(-ring // piece) * piece >= 1 << bits
    counted = Parts({"deep": 1.0, "deep_count": float(bits), "ends": 0.0 if whole else float(bits)})
    places = 1 << bits if whole else ring
    return counted + (block(places, width, byte=9) if use_block else lutram(places, width))


def dwc(p: Params, memories: Sequence[MemFile]) -> Parts:
    """Upwards a shift register; downwards one that is loaded, with a LUT for all but the last beat's bits."""
    narrow, wide = sorted((number(p, "IN_WIDTH"), number(p, "OUT_WIDTH")))
    count = float(bits_of(wide // narrow))
    if number(p, "OUT_WIDTH") > narrow:
        return Parts({"up": 1.0, "up_count": count})
    return Parts({"down": 1.0, "down_count": count, "shifted": float(wide - narrow)})


def duplicate(p: Params, memories: Sequence[MemFile]) -> Parts:
    """Two flags."""
    return Parts({"flags": 4.0})


def concat(p: Params, memories: Sequence[MemFile]) -> Parts:
    """A counter, and a LUT a bit that both streams have, signs extended; what one has not is a register's reset."""
    lanes, bits = number(p, "SIMD"), number(p, "OUT_BITS")
    ends = [(number(p, f"IN{n}_BITS"), bool(p[f"IN{n}_SIGNED"])) for n in range(2)]
    signs = {tuple(place if place < b else b - 1 if signed else -1 for b, signed in ends) for place in range(bits)}
    folds = number(p, "FOLDS0") + number(p, "FOLDS1")
    return Parts({"one": 1.0, "count": float(bits_of(folds)), "choice": float(lanes * sum(-1 not in s for s in signs)),
                  "gate": float(any(-1 in s for s in signs))})  # fmt: skip


def channelslice(p: Params, memories: Sequence[MemFile]) -> Parts:
    """A counter and its comparisons; where all passes, nobody needs it."""
    folds, start, stop = number(p, "FOLDS"), number(p, "START"), number(p, "STOP")
    if stop - start == folds:
        return Parts({"whole": 1.0})
    return Parts({"one": 1.0, "count": float(bits_of(folds)), "end": float((start > 0) + (stop < folds))})
