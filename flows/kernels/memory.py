"""Memory images for `$readmemh` (one hex word a line, address 0 first), and tables that are parameters.

Element 0 is in the least significant bits.
"""

from __future__ import annotations

from collections.abc import Sequence

from flows.beats import pack
from flows.design import Bits, MemFile
from flows.graph import IntArray, IntType


def image(name: str, words: IntArray, dtype: IntType) -> MemFile:
    """`words` (depth, elements) of `dtype`, two's complement where signed.

    Raises ValueError where an element does not fit, rather than writing other weights than the graph's.
    """
    if words.size and not dtype.holds(int(words.min()), int(words.max())):
        raise ValueError(f"{name}: values {words.min()}…{words.max()} do not fit {dtype}")
    digits = (words.shape[1] * dtype.bits + 3) // 4
    packed = pack(words, dtype.bits)
    lines = (f"{int.from_bytes(word.tobytes(), 'little'):0{digits}x}\n" for word in packed)
    return MemFile(name, "".join(lines))


def table(bits: int, entries: Sequence[int]) -> Bits:
    """`entries`, 0 <= entry < 2**bits, as one parameter; entry 0 in the least significant bits."""
    if any(not 0 <= entry < 1 << bits for entry in entries):
        raise ValueError(f"an entry of {min(entries)}…{max(entries)} does not fit {bits} bits")
    return Bits(bits * len(entries), sum(int(v) << (bits * i) for i, v in enumerate(entries)))
