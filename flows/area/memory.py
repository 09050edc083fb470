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
_BLOCKS = tuple((129, 1, *aspect) for aspect in _ASPECTS) + tuple((257, 2, d, 2 * w) for d, w in _ASPECTS)
"""(weight, 18 Kb blocks, words, bits) of a block RAM, which may be two in one."""
_LUTRAMS = (
    (1.0, 7.0, 4, 32, 6),
    (1.0, 7.0, 4, 64, 3),
    (0.0, 8.0, 8, 32, 4),
    (0.0, 8.0, 4, 64, 2),
    (0.0, 8.0, 4, 128, 1),
)
"""(weight, weight if fully used, LUTs, words, bits) of RAM32M, RAM64M and the dual-port ones, which go by the bit."""
_CHOICE = 0.4
"""Of a bit that is chosen among LUTRAMs."""
_ROM_BITS = 64
_BYTE = 9
"""Bits that are written together."""
_EDGE = 2
"""A block RAM is taken where it is less by more than this: 129 against 130 is not."""
MOST_BITS = 1 << 17
"""Of a ROM whose words are looked at: in a larger one hardly a bit is the same in every word."""
SPARSE = 0.2
"""Share of the words that differ from the others, of a bit, below which it is no random one."""
CHOSEN = 4
"""Bits that a LUT chooses one of."""
LUT_WORDS = 64
"""Words of one bit that a LUT of six inputs holds."""


def _blocks(depth: int, width: int, byte: int = 1) -> tuple[int, int, int]:
    """(weight, block RAMs of 18 Kb, banks): banks of words lie side by side, in whole `byte`s, in one block RAM."""
    found = []
    for weight, blocks, words, bits in _BLOCKS:
        banks = -(-depth // words)
        side = -(-width // byte) * byte if banks > 1 else width
        number = -(-banks * side // bits)
        found.append((number * weight, number * blocks, banks))
    return min(found)


def block(depth: int, width: int, rom_bits: int = 0, byte: int = 1) -> Parts:
    """Block RAMs; features: `block` 1, `block_bank` bits that are chosen among banks."""
    _, number, banks = _blocks(depth, width, byte)
    return Parts({"block": 1.0, "block_bank": float(width * (banks > 1))}, number, rom_bits)


def rom_is_block(depth: int, width: int, style: str) -> bool:
    """Whether a ROM becomes block RAM."""
    if style != "auto":
        return style == "block"
    return _blocks(depth, width)[0] + _EDGE < depth * width / _ROM_BITS


def ram(depth: int, width: int, style: str = "auto", clocked: bool = True) -> Parts:
    """A RAM with a write and a read port; one that is not `clocked` cannot be block RAM.

    Features: those of `lutram` or `block`, or `mux` bits that are chosen among registers.
    """
    registers = depth * width if style == "auto" else 1 << 60
    if clocked and style != "distributed":
        weight = _blocks(depth, width, _BYTE)[0]
        if style == "block" or weight < min(_lutrams(depth, width)[0], registers):
            return block(depth, width, byte=_BYTE)
    if registers < _lutrams(depth, width)[0] or depth == 1:
        return Parts({"mux": float(width * (depth - 1))})
    return lutram(depth, width)


def _lutrams(depth: int, width: int) -> tuple[float, int, int]:
    """(weight, LUTs, banks) of the cheapest form, the same for all words and bits."""
    found = []
    for fixed, used, luts, words, bits in _LUTRAMS:
        banks, units = -(-depth // words), -(-width // bits)
        each = luts * units if fixed else luts // bits * width
        weight = banks * (fixed * units + used * width / bits) + _CHOICE * width * (banks - 1)
        found.append((weight, banks * each, banks))
    return min(found)


def lutram(depth: int, width: int) -> Parts:
    """Features: `lutram` LUTs, `bank` LUTs that choose a bit among up to four, `banks` written one at a time."""
    _, luts, banks = _lutrams(depth, width)
    chosen = -(-banks // CHOSEN) if banks > 1 else 0
    return Parts({"lutram": float(luts), "bank": float(width * chosen), "banks": float(banks * (banks > 1))})


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
        return sum(column > 1 for column in self.columns) if self.known else self.width

    @property
    def _name(self) -> str:
        return "rom" if self.depth <= LUT_WORDS // 2 else "rom_whole" if self.depth <= LUT_WORDS else "rom_two"

    def logic(self) -> Parts:
        """The ROM as logic: what is constant, or there twice, costs nothing.

        `rom`, `rom_whole`, `rom_two`, `rom_deep`: a LUT for 64 words of a bit, where there are up to 32, 64, 128 or
        more, which ABC packs worse and worse; three LUTs are four, to be chosen by a slice's own multiplexers.
        `sparse`: those of more than 128 words of which most are the same, where ABC shares what would have fitted
        into one LUT. `choose`: of more than 256, what chooses.
        """
        if self.depth <= 2:
            return Parts({})
        pieces = -(-self.depth // LUT_WORDS)
        if not self.known:
            most = min(self.varying, 1 << min(1 << self.depth, 30))
            return Parts(_deep(pieces, most, 0) if pieces > 2 else {self._name: float(most * pieces)})
        if pieces <= 2:
            seen = set()
            for piece in range(pieces):
                part = self.bits[piece * LUT_WORDS : (piece + 1) * LUT_WORDS]
                ones = part.sum(axis=0)
                packed = np.packbits(part[:, (ones > 0) & (ones < len(part))], axis=0).T
                seen |= {(piece, row.tobytes()) for row in packed}
            return Parts({self._name: float(len(seen))})
        different = {column: place for place, column in enumerate(self.columns) if column > 1}
        share = self.bits[:, list(different.values())].mean(axis=0)
        return Parts(_deep(pieces, len(different), int((np.minimum(share, 1 - share) < SPARSE).sum())))


def _deep(pieces: int, columns: int, sparse: int) -> dict[str, float]:
    each = 4.0 if pieces <= 4 else float(pieces)
    return {"rom_deep": columns * each, "sparse": sparse * each, "choose": columns * max(0.0, pieces - 4.0)}


def rom(memory: Rom, style: str = "auto") -> Parts:
    """Features: those of `Rom.logic`, or `block` 1 for block RAM."""
    width = memory.varying
    if memory.depth > 1 and width and rom_is_block(memory.depth, width, style):
        return block(memory.depth, width, memory.depth * width)
    return memory.logic()
