"""What Yosys makes of a memory on 7-series parts: block RAM, LUTRAM, flip-flops, or for a ROM logic.

Its `memory_libmap` weighs the ways (brams_xc4v.txt, lutrams_xc5v.txt of the 7 series, `synth_xilinx`) and takes the
least: a block RAM of 18 Kb counts 129, a LUTRAM of 32 x 6 or 64 x 3 bits 8, a bit of a ROM as logic 1/64, a bit of
flip-flops 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from flows.area.parts import Parts
from flows.design import MemFile

BRAM_BITS = 18 * 1024
_ASPECTS = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))
_BLOCK, _LUTRAM, _ROM_BITS = 129, 8, 64
MOST_BITS = 1 << 20
"""Of a ROM whose words are looked at: in a larger one hardly a bit is the same in every word."""
SPARSE = 0.2
"""Share of the words that differ from the others, of a bit, below which it is no random one."""
LUT_WORDS = 64
"""Words of one bit that a LUT of six inputs holds."""


def block_rams(depth: int, width: int) -> int:
    """Block RAMs of 18 Kb for so many words."""
    return min(-(-depth // d) * -(-width // w) for d, w in _ASPECTS)


def _lutrams(depth: int, width: int) -> float:
    """Weight of the cheapest LUTRAMs: four LUTs of 32 x 6 or 64 x 3, or two LUTs a bit."""
    single = -(-depth // 32) * 2 * width
    return min(_LUTRAM * min(-(-depth // d) * -(-width // w) for d, w in ((32, 6), (64, 3))), single)


def rom_is_block(depth: int, width: int, style: str) -> bool:
    """Whether a ROM becomes block RAM."""
    if style != "auto":
        return style == "block"
    return block_rams(depth, width) * _BLOCK < depth * width / _ROM_BITS


def ram(depth: int, width: int, style: str = "auto", clocked: bool = True) -> Parts:
    """A RAM with a write and a read port; one that is not `clocked` cannot be block RAM.

    Features: `lutram` LUTs, `bank` bits that are chosen among LUTRAMs, `mux` bits that are chosen among registers,
    `block` 1 for block RAM.
    """
    block = block_rams(depth, width) * _BLOCK
    distributed, registers = _lutrams(depth, width), depth * width
    if style == "distributed":
        block, registers = 1 << 60, 1 << 60
    if clocked and (style == "block" or block < min(distributed, registers)):
        return Parts({"block": 1.0}, block_rams(depth, width))
    if registers < distributed or depth == 1:
        return Parts({"mux": float(width * (depth - 1))})
    return lutram(depth, width)


def lutram(depth: int, width: int) -> Parts:
    """64 words of 3 bits in four LUTs, 32 of 6, or a bit in two; what comes from several is multiplexed."""
    banks = -(-depth // 64)
    last = depth - 64 * (banks - 1)
    if width == 1:
        luts = 4.0 * (banks - 1) + (2 if last <= 32 else 4)
    else:
        luts = 4.0 * (-(-width // 3) * (banks - 1) + -(-width // (3 if last > 32 else 6)))
    return Parts({"lutram": luts, "bank": float(width * (banks - 1)), "banks": float(banks - 1)})


@dataclass(frozen=True)
class Rom:
    """A ROM of `depth` words of `width` bits, with what is in it where that is known and worth a look."""

    depth: int
    width: int
    text: MemFile | None = None

    @cached_property
    def known(self) -> bool:
        """Whether the words are looked at."""
        return self.text is not None and self.depth * self.width <= MOST_BITS

    @cached_property
    def bits(self) -> npt.NDArray[np.uint8]:
        """(depth, width), bit 0 first."""
        assert self.text is not None
        lines = self.text.text.split()
        digits = -(-self.width // 8) * 2
        raw = bytes.fromhex("".join(line.zfill(digits) for line in lines))
        rows = np.frombuffer(raw, dtype=np.uint8).reshape(len(lines), -1)[:, ::-1]
        return np.unpackbits(rows, axis=1, bitorder="little")[:, : self.width]

    @cached_property
    def columns(self) -> Sequence[int]:
        """Bit by bit of a word a number: equal for bits that are equal in all words, 0 always zero, 1 always one."""
        if not self.known:
            return range(2, 2 + self.width)
        packed = np.packbits(self.bits, axis=0).T
        ids = {np.packbits(np.full(self.depth, v, np.uint8)).tobytes(): v for v in (0, 1)}
        return [ids.setdefault(row.tobytes(), len(ids)) for row in packed]

    @cached_property
    def varying(self) -> int:
        """Bits that are not the same in every word: Yosys leaves the others out of the memory."""
        return sum(column > 1 for column in self.columns)

    def logic(self) -> Parts:
        """The ROM as logic: what is constant, the same twice, or an address bit costs nothing.

        `rom`: a LUT for 64 words of a bit; three such pieces are four, to be chosen by a slice's own multiplexers.
        `sparse`: those of more than 128 words of which most are the same, where ABC shares what would have fitted
        into one LUT. `choose`: of more than 256, what chooses.
        """
        if self.depth <= 2:
            return Parts({})
        pieces = -(-self.depth // LUT_WORDS)
        if not self.known:
            most = min(self.varying, 1 << min(1 << self.depth, 30))
            return Parts(_deep(pieces, most, 0) if pieces > 2 else {"rom": float(most * pieces)})
        if pieces <= 2:
            seen = set()
            for piece in range(pieces):
                part = self.bits[piece * LUT_WORDS : (piece + 1) * LUT_WORDS]
                ones = part.sum(axis=0)
                packed = np.packbits(part[:, (ones > 0) & (ones < len(part))], axis=0).T
                seen |= {(piece, row.tobytes()) for row in packed}
            return Parts({"rom": float(len(seen))})
        different = {column: place for place, column in enumerate(self.columns) if column > 1}
        share = self.bits[:, list(different.values())].mean(axis=0)
        return Parts(_deep(pieces, len(different), int((np.minimum(share, 1 - share) < SPARSE).sum())))


def _deep(pieces: int, columns: int, sparse: int) -> dict[str, float]:
    each = 4.0 if pieces <= 4 else float(pieces)
    return {"rom": columns * each, "sparse": sparse * each, "choose": columns * max(0.0, pieces - 4.0)}


def rom(memory: Rom, style: str = "auto") -> Parts:
    """Features: those of `Rom.logic`, or `block` 1 for block RAM."""
    width = memory.varying
    if memory.depth > 1 and width and rom_is_block(memory.depth, width, style):
        return Parts({"block": 1.0}, block_rams(memory.depth, width), memory.depth * width)
    return memory.logic()
