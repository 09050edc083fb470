"""Memory images for `$readmemh`: one hex word a line, address 0 first, element 0 in the least significant bits."""

from __future__ import annotations

from flows.beats import pack
from flows.design import MemFile
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
