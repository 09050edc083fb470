"""Parts of what holds rows of a map: `swg.sv`, `swg_parallel.sv`, `upsample.sv`, `depthtospace.sv`, the paddings."""

from __future__ import annotations

from collections.abc import Sequence

from flows.area.memory import ram
from flows.area.parts import Params, Parts, bits_of, number
from flows.design import MemFile


def swg(p: Params, memories: Sequence[MemFile]) -> Parts:
    """The ring, its positions, the five counters."""
    width, folds, depth, h, w = (number(p, key) for key in ("WIDTH", "FOLDS", "DEPTH", "H", "W"))
    kh, sh, dh, kw, sw, dw = (number(p, key + axis) for axis in "HW" for key in "KSD")
    oh, ow = (h - (kh - 1) * dh - 1) // sh + 1, (w - (kw - 1) * dw - 1) // sw + 1
    next_row = sh * w * folds - (ow - 1) * sw * folds
    next_map = (h - (oh - 1) * sh) * w * folds - (ow - 1) * sw * folds
    distance = (max(depth, sw * folds, next_row, next_map, dh * w * folds)).bit_length() + 1
    address = max(1, bits_of(depth))
    wraps = depth != 1 << address
    counters = [bits_of(n) for n in (folds, kw, kh, ow, oh)]
    counted = {
        "one": 1.0, "distance": float(distance), "counter": float(sum(counters)),
        "loops": float(sum(n > 0 for n in counters)), "wrap": float(wraps), "address": float(address * wraps),
        "depthwise": float(bool(p["DEPTHWISE"])), "rows": float(kh > 1),
    }  # fmt: skip
    return Parts(counted) + ram(depth, width, str(p.get("RAM_STYLE", "auto")))


def _delay(length: int, width: int, style: str) -> Parts:
    if length == 1:
        return Parts({})
    return ram(length, width, style) + Parts({"delay": 1.0, "place": float(bits_of(length))})


def swg_parallel(p: Params, memories: Sequence[MemFile]) -> Parts:
    """The line buffers and the columns, the place in the map."""
    width, folds, h, w = (number(p, key) for key in ("WIDTH", "FOLDS", "H", "W"))
    kh, kw, dh, dw = (number(p, key) for key in ("KH", "KW", "DH", "DW"))
    found = Parts({"one": 1.0, "counter": float(bits_of(folds) + bits_of(h) + bits_of(w))})
    spans = ((kh - 1) * dh + 1, number(p, "SH")), ((kw - 1) * dw + 1, number(p, "SW"))
    waits = sum(bits_of(max(span, stride)) for span, stride in spans)
    found += Parts({"wait": float(waits), "rows": float(kh > 1)})
    if kw > 1:
        found += _delay(dw * folds, kh * (kw - 1) * width, "auto")
    if kh > 1:
        found += _delay((dh * w - (kw - 1) * dw) * folds, (kh - 1) * width, str(p.get("RAM_STYLE", "auto")))
    return found


def _ring(depth: int, width: int, counters: Sequence[int]) -> Parts:
    """ringbuffer.sv, and what chooses its steps."""
    counted = {
        "one": 1.0, "distance": float((2 * depth - 1).bit_length() + 1), "address": float(bits_of(depth)),
        "counter": float(sum(bits_of(n) for n in counters)), "wrap": float(depth & (depth - 1) != 0),
    }  # fmt: skip
    return Parts(counted) + ram(depth, width)


def upsample(p: Params, memories: Sequence[MemFile]) -> Parts:
    """A ring of a row, or of a pixel."""
    folds, w, rows, columns = (number(p, key) for key in ("FOLDS", "W", "ROWS", "COLUMNS"))
    depth = max(2, w * folds if rows > 1 else folds)
    # Without rows that come again, nobody needs to know the pixel.
    return _ring(depth, number(p, "WIDTH"), (folds, w, rows, columns) if rows > 1 else (folds, columns))


def depthtospace(p: Params, memories: Sequence[MemFile]) -> Parts:
    """A ring of almost two rows of what other rows of a block wait for."""
    segment, w, block = (number(p, key) for key in ("SEGMENT", "W", "BLOCK"))
    return _ring((block - 1) * segment * (2 * w - 1) + 2, number(p, "WIDTH"), (segment, w, block))


def fmpadding(p: Params, memories: Sequence[MemFile]) -> Parts:
    """Counters, their comparisons; zeros are the registers' reset."""
    folds, h, w = (number(p, key) for key in ("FOLDS", "H", "W"))
    top, left, bottom, right = (number(p, key) for key in ("PAD_T", "PAD_L", "PAD_B", "PAD_R"))
    counters = [bits_of(n) for n in (folds, top + h + bottom, left + w + right)]
    ends = [bits_of(top + h + bottom) * (n > 0) for n in (top, bottom)]
    ends += [bits_of(left + w + right) * (n > 0) for n in (left, right)]
    return Parts({
        "one": 1.0, "counter": float(sum(counters)), "end": float(sum(ends)), "folds": float(folds > 1),
    })  # fmt: skip


def fmpadding_pixel(p: Params, memories: Sequence[MemFile]) -> Parts:
    """Counters of pixels and of the zeros since."""
    counters = [bits_of(number(p, key)) for key in ("FOLDS", "H", "W", "SH", "SW")]
    return Parts({"one": 1.0, "counter": float(sum(counters)), "rows": float(counters[3] > 0)})
