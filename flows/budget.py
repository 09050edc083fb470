"""Whether a design fits its part, by estimate, before anything is simulated or synthesized; and if not, what would."""

from __future__ import annotations

from collections.abc import Callable

from flows.area.memory import BRAM_BITS
from flows.cost import ROM_BITS_PER_LUT, Cost, excess
from flows.errors import InfeasibleFolding
from flows.synthesize.parts import BOARDS, Part, part_of

PRECISION = 1.05
"""Step in which the rate that would fit is looked for."""


def require_fit(part: Part, used: Cost, target: int, slowest: int, clock_ns: float, at: Callable[[int], Cost]) -> None:
    """Raises InfeasibleFolding where `used`, for `target` cycles a frame, is more than `part` has.

    The message says what is short by how much, the best rate that fits, and the boards that would do. `at(cycles)`: the
    cost of the cheapest folding for so many cycles a frame; `slowest`: cycles with which nothing is unrolled.
    """
    short = excess(used, part)
    if not short:
        return
    lacks = "; ".join(f"{name}: about {need:,} of {there:,}, {need - there:,} too many"
                      for name, (need, there) in short.items())  # fmt: skip
    brams = (part.capacity or {}).get("BRAM_18K", 0)
    if used.bram > brams:
        lacks += f" ({used.bram:,} BRAM_18K wanted, {brams:,} there; ROMs that they cannot hold are counted as LUTs)"
    best = fitting(part, target, slowest, at)
    if best is None:
        least = at(slowest)
        bits = least.rom_bits
        holds = _capacity(part)
        share = f", {100 * holds // bits} % of that" if bits > holds else ""
        would = (
            f"no rate fits: unfolded least, it still needs about {least.lut:,.0f} LUT and {least.bram:,} BRAM_18K, "
            f"{bits / 1e6:.1f} Mbit of them in ROMs, where the part holds {holds / 1e6:.1f} Mbit in all{share}; use "
            "fewer or narrower weights"
        )
    else:
        would = f"the best rate that fits is about {1e9 / clock_ns / best:,.0f} frames/s ({best:,} cycles a frame)"
    boards = [name for name in BOARDS if name != "none" and not excess(used, part_of(name))]
    other = f"; it would fit {', '.join(boards)}" if boards else "; no board in the list is large enough"
    rate = f"{1e9 / clock_ns / target:,.0f} frames/s"
    raise InfeasibleFolding(f"{rate} do not fit {part.name} (estimate): {lacks}; {would}{other}")


def fitting(part: Part, target: int, slowest: int, at: Callable[[int], Cost]) -> int | None:
    """Fewest cycles a frame above `target`, to within PRECISION, whose folding fits; None where none does."""
    if excess(at(slowest), part):
        return None
    low, high = target, slowest
    while high > low * PRECISION:
        middle = round((low * high) ** 0.5)
        if middle in (low, high):
            break
        if excess(at(middle), part):
            low = middle
        else:
            high = middle
    return high


def _capacity(part: Part) -> int:
    """Bits of ROM that the part holds, if it held nothing else."""
    assert part.capacity is not None
    return part.capacity["BRAM_18K"] * BRAM_BITS + part.capacity["LUT"] * ROM_BITS_PER_LUT
