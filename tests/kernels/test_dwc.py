"""dwc.sv: integer ratios up and down, the first narrow beat in the least significant bits, full throughput."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from flows.graph import IntType
from tests.kernels.harness import Unit, check_grid, check_refused, read_slang

# (lane bits, lanes in, lanes out)
FAST = [(8, 1, 2), (8, 2, 1), (1, 1, 8), (1, 8, 1), (4, 3, 9), (4, 9, 3), (7, 1, 5), (7, 5, 1), (16, 12, 1), (3, 1, 64)]
SLOW = [
    (bits, *(lanes if up else lanes[::-1]))
    for bits in (1, 5, 8, 33)
    for lanes in ((1, 2), (1, 3), (2, 8), (3, 15), (1, 16), (4, 128))
    for up in (True, False)
]


def unit(bits: int, lanes_in: int, lanes_out: int, number: int) -> Unit:
    elements = 6 * max(lanes_in, lanes_out)
    x = np.random.default_rng(number).integers(0, 1 << bits, (4, elements))
    params = {"IN_WIDTH": lanes_in * bits, "OUT_WIDTH": lanes_out * bits}
    beats_in, beats_out = x.reshape(4, -1, lanes_in), x.reshape(4, -1, lanes_out)
    interval = max(beats_in.shape[1], beats_out.shape[1])
    return Unit(f"dwc{number}", "dwc", params, beats_in, bits, beats_out, IntType(bits, False), interval)


def units(sets: list[tuple[int, int, int]]) -> list[Unit]:
    return [unit(*s, number) for number, s in enumerate(sets)]


def test_grid(tmp_path: Path) -> None:
    check_grid(units(FAST), tmp_path)


@pytest.mark.slow
def test_large_grid(tmp_path: Path) -> None:
    assert len(SLOW) >= 40
    check_grid(units(SLOW), tmp_path)
    read_slang(units(SLOW), tmp_path / "slang")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"OUT_WIDTH": 8}, "equal"),
        ({"OUT_WIDTH": 12}, "multiple"),
        ({"OUT_WIDTH": 5}, "multiple"),
        ({"IN_WIDTH": 0}, "at least 1"),
    ],
)
def test_illegal_parameters_are_refused(tmp_path: Path, changed: dict[str, int], message: str) -> None:
    good = unit(8, 1, 2, 0)
    check_refused(good, changed, f"dwc: .*{message}", tmp_path)
