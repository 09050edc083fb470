"""Rechecks `report/accumulators.json` from the files of a build alone: its weight memories and layer wrappers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from flows.errors import AccumulatorOverflow, VerificationFailed
from flows.files import read_json
from flows.graph import IntArray, IntType
from flows.ranges import mvau_channel_ranges


def recheck(out: Path) -> None:
    """Recomputes every channel's range from OUT/rtl and compares it with the certificate and the built widths.

    Raises VerificationFailed where the certificate does not follow from the weights, AccumulatorOverflow where a
    range leaves its accumulator.
    """
    for layer in read_json(out / "report" / "accumulators.json")["layers"]:
        weights, lanes = read_layer(out / "rtl", layer)
        lows, highs = mvau_channel_ranges(weights, *layer["input_range"])
        for c, channel in enumerate(layer["channels"]):
            found = (int(lows[c]), int(highs[c]), int(np.abs(weights[:, c]).sum()))
            stated = (channel["acc_min"], channel["acc_max"], channel["l1"])
            if found != stated:
                raise VerificationFailed(
                    f"{layer['name']}: output channel {c}: the weight file gives (acc_min, acc_max, l1) = {found}, "
                    f"the certificate says {stated}"
                )
            built = lanes[c % len(lanes)]
            if not IntType(built, True).holds(found[0], found[1]):
                raise AccumulatorOverflow(
                    f"{layer['name']}: output channel {c} sums to [{found[0]}, {found[1]}] in {built} bits"
                )
            if channel["implemented_bits"] != built:
                raise VerificationFailed(f"{layer['name']}: output channel {c} has {built} bits, not the stated width")


def read_layer(rtl: Path, layer: dict[str, Any]) -> tuple[IntArray, tuple[int, ...]]:
    """(weights (MW, MH), accumulator bits of every PE lane) of one MVAU or VVAU, from its wrapper and its weights."""
    text = (rtl / f"{layer['name']}.sv").read_text(encoding="utf-8")
    # A VVAU's memory is laid out as that of an MVAU with MW = K, MH = CHANNELS.
    sizes = ("K", "CHANNELS") if "  vvau #(" in text else ("MW", "MH")
    mw, mh, pe, simd, bits = (_number(text, key) for key in (*sizes, "PE", "SIMD", "WEIGHT_BITS"))
    lanes = _number(text, "ACC_BITS")
    name = re.search(r'\.WEIGHT_FILE\("([^"]+)"\)', text)
    assert name is not None
    words = [int(w, 16) for w in (rtl / name.group(1)).read_text(encoding="utf-8").split()]
    sf, weights = mw // simd, np.zeros((mw, mh), dtype=np.int64)
    for address, word in enumerate(words):
        nf, beat = divmod(address, sf)
        for p in range(pe):
            for s in range(simd):
                value = word >> ((p * simd + s) * bits) & ((1 << bits) - 1)
                weights[beat * simd + s, nf * pe + p] = value - ((value >> (bits - 1)) << bits)
    return weights, tuple(lanes >> (8 * p) & 255 for p in range(pe))


def _number(text: str, key: str) -> int:
    found = re.search(rf"\.{key}\((?:\d+'h([0-9a-f]+)|(\d+))\)", text)
    if found is None:
        raise VerificationFailed(f"no parameter {key} in the layer's wrapper")
    return int(found.group(1), 16) if found.group(1) else int(found.group(2))
