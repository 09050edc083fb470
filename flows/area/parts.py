"""What a module is built of, as far as it costs: the features of the area model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flows.design import Bits, Param

Params = Mapping[str, Param]


@dataclass(frozen=True)
class Parts:
    """`lut` {feature: how many}, each to be weighed by a coefficient; the others as in `flows.cost.Cost`."""

    lut: Mapping[str, float]
    bram: int = 0
    rom_bits: int = 0
    dsp: int = 0

    def __add__(self, other: Parts) -> Parts:
        lut = Counter(self.lut)
        for name, number in other.lut.items():
            lut[name] += number  # type: ignore[assignment]
        return Parts(dict(lut), self.bram + other.bram, self.rom_bits + other.rom_bits, self.dsp + other.dsp)


def together(parts: Iterable[Parts]) -> Parts:
    """The sum."""
    return sum(parts, Parts({}))


def bits_of(values: int) -> int:
    """Bits of a counter through so many values, 0 for one."""
    return (values - 1).bit_length()


def number(params: Params, key: str) -> int:
    """The parameter, which is an integer."""
    value = params[key]
    assert isinstance(value, int), key
    return value


def entries(params: Params, key: str, bits: int) -> list[int]:
    """The entries of the table `key`, entry 0 from the least significant bits (`flows.kernels.memory.table`)."""
    table = params[key]
    assert isinstance(table, Bits), key
    data = table.value.to_bytes(-(-table.width // 8), "little")
    if bits >= 8:
        size = bits // 8
        return [int.from_bytes(data[at : at + size], "little") for at in range(0, table.width // 8, size)]
    return [data[i * bits // 8] >> i * bits % 8 & ((1 << bits) - 1) for i in range(table.width // bits)]
