"""Memory images for `$readmemh` (one hex word a line, address 0 first), and tables that are parameters.

Element 0 is in the least significant bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from flows.beats import pack
from flows.design import Bits, MemFile
from flows.graph import IntArray, IntType


def image(name: str, words: IntArray | Callable[[], IntArray], dtype: IntType) -> MemFile:
    """`words` (depth, elements) of `dtype`, two's complement where signed; or what makes them, when they are wanted.

    Raises ValueError, when the text is made, where an element does not fit, rather than writing other weights than the
    graph's.
    """
    return MemFile(name, partial(_text, name, words, dtype))


def _text(name: str, given: IntArray | Callable[[], IntArray], dtype: IntType) -> str:
    words = given() if callable(given) else given
    if words.size and not dtype.holds(int(words.min()), int(words.max())):
        raise ValueError(f"{name}: values {words.min()}…{words.max()} do not fit {dtype}")
    digits = (words.shape[1] * dtype.bits + 3) // 4
    packed = pack(words, dtype.bits)
    # hex() gives two digits a byte, the most significant byte first once the bytes are turned around.
    text, width = packed[:, ::-1].tobytes().hex(), 2 * packed.shape[1]
    return "".join(f"{text[at + width - digits : at + width]}\n" for at in range(0, len(text), width))


def table(bits: int, entries: Sequence[int]) -> Bits:
    """`entries`, 0 <= entry < 2**bits, as one parameter; entry 0 in the least significant bits."""
    if any(not 0 <= entry < 1 << bits for entry in entries):
        raise ValueError(f"an entry of {min(entries)}…{max(entries)} does not fit {bits} bits")
    return Bits(bits * len(entries), sum(int(v) << (bits * i) for i, v in enumerate(entries)))
