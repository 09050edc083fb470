"""Whether an estimate fits a part, and what a design that does not is told."""

from __future__ import annotations

import dataclasses

import pytest

from flows.area.memory import BRAM_BITS
from flows.budget import PRECISION, fitting, require_fit
from flows.cost import Cost, excess
from flows.errors import InfeasibleFolding
from flows.synthesize.parts import part_of

PYNQ = part_of("pynq-z2")


def inverse(cycles: int) -> Cost:
    """Of a design whose LUTs are inversely proportional to its cycles, beside what it always needs."""
    return Cost(10_000 + 40_000_000 / cycles, 20)


def test_what_fits_passes_and_no_limit_is_no_limit() -> None:
    require_fit(PYNQ, Cost(53_200, 280), 1000, 10_000, 10.0, inverse)
    require_fit(part_of("none"), Cost(1e9, 10_000), 1000, 10_000, 10.0, inverse)


def test_the_shortage_the_best_rate_and_the_boards_that_would_do_are_named() -> None:
    with pytest.raises(InfeasibleFolding) as caught:
        require_fit(PYNQ, inverse(500), 500, 100_000, 10.0, inverse)
    text = str(caught.value)
    assert "LUT: about 90,000 of 53,200, 36,800 too many" in text and "200,000 frames/s do not fit xc7z020" in text
    assert "it would fit zcu104, kv260" in text
    cycles = fitting(PYNQ, 500, 100_000, inverse)
    assert cycles is not None and not excess(inverse(cycles), PYNQ) and excess(inverse(int(cycles / PRECISION)), PYNQ)
    assert f"({cycles:,} cycles a frame)" in text


def test_weights_that_fit_at_no_rate_are_said_to() -> None:
    roms = Cost(20_000, 3_000, 3_000 * BRAM_BITS)
    with pytest.raises(
        InfeasibleFolding,
        match=r"LUT: .* too many \(3,000 BRAM_18K wanted, 624 there.*no rate fits: .* 3,000 BRAM_18K, 55.3 Mbit .*"
        r"47 % of that.*no board in the list",
    ):
        require_fit(part_of("zcu104"), roms, 1000, 10_000, 10.0, lambda _: roms)


def test_roms_that_exceed_the_block_rams_go_to_luts() -> None:
    used = Cost(10_000, 290, 290 * BRAM_BITS)
    assert not excess(used, PYNQ)
    assert excess(dataclasses.replace(used, rom_bits=0), PYNQ) == {"BRAM_18K": (290, 280)}
    assert set(excess(dataclasses.replace(used, lut=52_000), PYNQ)) == {"LUT"}


def test_dsps_are_limited_and_cost_no_luts() -> None:
    """The Zynq 7020 has 220 of them, which LUTs do not replace."""
    used = Cost(10_000, 20, dsp=220)
    assert not excess(used, PYNQ) and used.price == Cost(10_000, 20).price
    assert excess(used + Cost(dsp=1), PYNQ) == {"DSP": (221, 220)}
    with pytest.raises(InfeasibleFolding, match=r"DSP: about 300 of 220, 80 too many.*it would fit zcu104, kv260"):
        require_fit(PYNQ, Cost(10_000, 20, dsp=300), 1000, 10_000, 10.0, lambda c: Cost(10_000, 20, dsp=300_000 // c))
