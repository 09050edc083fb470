"""duplicate.sv: both readers get every beat, in their own time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from flows.errors import ToolFailed
from flows.graph import IntType
from flows.simulate.bench import Sink, job_of, results_of
from tests.kernels.harness import Unit, build, check_grid, read_slang

FAST = ((1, 1), (3, 2), (8, 5), (1, 64), (7, 10), (16, 33), (4, 4), (33, 3))
SLOW = tuple((bits, beats) for bits in (1, 2, 5, 8, 13, 24, 40, 63) for beats in (1, 2, 3, 16, 50))


def unit(bits: int, beats: int, number: int, frames: int = 4) -> Unit:
    dtype = IntType(bits, False)
    x = np.random.default_rng(number).integers(0, dtype.max, (frames, beats, 1), endpoint=True)
    return Unit(f"dup{number}", "duplicate", {"WIDTH": bits}, x, bits, x, dtype, interval=beats, outputs=2)


def units(sets: tuple[tuple[int, int], ...]) -> list[Unit]:
    return [unit(bits, beats, number) for number, (bits, beats) in enumerate(sets)]


def test_grid(tmp_path: Path) -> None:
    check_grid(units(FAST), tmp_path)


@pytest.mark.slow
def test_large_grid(tmp_path: Path) -> None:
    assert len(SLOW) >= 40
    check_grid(units(SLOW), tmp_path)
    read_slang(units(SLOW), tmp_path / "slang")


@pytest.mark.parametrize("slow", [0, 1])
def test_one_reader_goes_on_by_a_beat_while_the_other_waits(tmp_path: Path, slow: int) -> None:
    """The quick reader gets the first beat while the slow one never takes it, and no second one."""
    one = unit(8, 6, 0)
    model = build([one], tmp_path)
    job = job_of([one.case], max_idle_cycles=200)
    sinks = tuple(replace(s, stall=1.0) if n == slow else s for n, s in enumerate(job.sinks))
    assert all(isinstance(s, Sink) for s in sinks)
    run = model.run(replace(job, sinks=sinks), tmp_path / "run")
    assert run.deadlock
    assert [run.sinks[n].taken for n in (slow, 1 - slow)] == [0, 1]
    run = model.run(replace(job, sinks=tuple(replace(s, stall=0.8 * (n == slow)) for n, s in enumerate(job.sinks))),
                    tmp_path / "slower")  # fmt: skip
    assert all(np.array_equal(got, one.y) for got in results_of([one.case], run)[0].outputs)


def test_illegal_parameters_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ToolFailed, match="duplicate: WIDTH"):
        build([replace(unit(8, 2, 0), params={"WIDTH": 0})], tmp_path)
