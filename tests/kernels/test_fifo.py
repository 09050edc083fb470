"""fifo.sv: order, throughput and latency at every depth, memory style and width; run-time limits; occupancy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from flows.errors import ToolFailed
from flows.graph import IntType
from flows.simulate.bench import job_of, results_of
from flows.simulate.verilator import Throttle
from tests.kernels.harness import Unit, build, check_grid, intervals, lint, read_slang

FAST = [(8, 2, "auto"), (9, 1, "auto"), (1, 3, "distributed"), (37, 4, "auto"), (8, 5, "block"), (128, 17, "auto"),
        (4, 2, "block"), (12, 64, "distributed"), (64, 300, "auto"), (9, 1025, "block"), (16, 33, "block"),
        (2, 65, "auto"), (3, 150, "distributed"), (36, 129, "auto"), (20, 1300, "block"), (5, 2, "auto")]  # fmt: skip
SLOW = [
    (w, d, s)
    for w in (1, 8, 33, 65, 200)
    for d in (1, 2, 3, 6, 32, 64, 65, 100, 257)
    for s in ("auto", "distributed", "block")
]


def unit(width: int, depth: int, style: str, number: int, frames: int = 4) -> Unit:
    bits = next(b for b in range(min(width, 40), 0, -1) if width % b == 0)
    x = np.random.default_rng(number).integers(0, 1 << bits, (frames, 50, width // bits))
    params = {"WIDTH": width, "DEPTH": depth, "RAM_STYLE": style, "SIM_ID": number}
    return Unit(f"fifo{number}", "fifo", params, x, bits, x, IntType(bits, False), interval=50 if depth > 1 else 100)


def units(grid: list[tuple[int, int, str]]) -> list[Unit]:
    return [unit(*parameters, number) for number, parameters in enumerate(grid, start=1)]


def test_grid(tmp_path: Path) -> None:
    check_grid(units(FAST), tmp_path)


@pytest.mark.slow
def test_large_grid(tmp_path: Path) -> None:
    check_grid(units(SLOW), tmp_path)
    read_slang(units(SLOW), tmp_path / "slang")


def test_latency(tmp_path: Path) -> None:
    """Through LUTRAM 1 cycle, through a memory with an output register 2."""
    grid = units(FAST)
    run = build(grid, tmp_path).run(job_of([u.case for u in grid]), tmp_path / "run")
    for u, source, sink in zip(grid, run.sources, run.sinks, strict=True):
        assert sink.first[0] - source.first[0] == (2 if int(u.params["DEPTH"]) > 64 else 1), u.params


def test_run_time_limit_behaves_as_a_smaller_depth(tmp_path: Path) -> None:
    """Cycle by cycle: the sink's stalls are seeded by its number, so a limited FIFO and a small one see the same."""
    depths = (2, 3, 7, 20, 1, 64, 65, 100)
    small = [unit(8, depth, "auto", i + 1) for i, depth in enumerate(depths)]
    large = [replace(u, params={**u.params, "DEPTH": 512}) for u in small]
    seen = []
    for name, grid, limits in (("small", small, {}), ("large", large, dict(enumerate(depths, start=1)))):
        job = replace(job_of([u.case for u in grid], stall=(0.3, 0.5), seed=5), fifo_limits=limits)
        seen.append(build(grid, tmp_path / name).run(job, tmp_path / name / "run"))
    for a, b in zip(seen[0].sinks, seen[1].sinks, strict=True):
        assert np.array_equal(a.last, b.last) and np.array_equal(a.first, b.first)
    for depth, a, b in zip(depths, seen[0].fifo_peaks.values(), seen[1].fifo_peaks.values(), strict=True):
        assert a == b <= depth
    assert seen[0].fifo_peaks[1] == 2


def test_occupancy_is_reported(tmp_path: Path) -> None:
    """A sink that never takes: the FIFO fills to its depth, or to its limit, and no further."""
    grid = [unit(8, 16, "auto", 1), unit(8, 16, "auto", 2), unit(8, 100, "block", 3)]
    job = replace(job_of([u.case for u in grid], stall=(0.0, 1.0), max_idle_cycles=200), fifo_limits={2: 5})
    run = build(grid, tmp_path).run(job, tmp_path / "run")
    assert run.deadlock and run.fifo_peaks == {1: 16, 2: 5, 3: 100}


def test_slow_source_needs_no_depth(tmp_path: Path) -> None:
    grid = [unit(8, 16, "auto", 1)]
    case = grid[0].case
    throttled = replace(case, feeds=(replace(case.feeds[0], throttle=Throttle(500)),))
    model = build(grid, tmp_path)
    run = model.run(job_of([throttled], max_idle_cycles=50), tmp_path / "run")
    assert not run.deadlock and run.fifo_peaks == {1: 1}
    assert np.array_equal(results_of([throttled], run)[0].outputs[0], grid[0].y)
    assert set(run.sources[0].intervals) == {500} and set(run.sinks[0].intervals) == {500}
    burst = replace(case, feeds=(replace(case.feeds[0], throttle=Throttle(500, spread=False)),))
    run = model.run(job_of([burst], max_idle_cycles=50), tmp_path / "run")
    assert set(run.sinks[0].last - run.sinks[0].first) == {49} and set(run.sinks[0].intervals) == {500}


def test_full_throughput_at_depth_two(tmp_path: Path) -> None:
    grid = [unit(8, 2, "auto", 1)]
    assert intervals(grid, build(grid, tmp_path), tmp_path / "run") == {"fifo1": 50}


@pytest.mark.parametrize(
    ("changed", "message"),
    [({"DEPTH": 0}, "DEPTH"), ({"WIDTH": 0}, "WIDTH"), ({"RAM_STYLE": "flash"}, "RAM_STYLE")],
)
def test_illegal_parameters_are_refused(tmp_path: Path, changed: dict[str, int | str], message: str) -> None:
    good = unit(8, 4, "auto", 1)
    lint([good], tmp_path / "good")
    bad = replace(good, params={**good.params, **changed})
    with pytest.raises(ToolFailed, match=f"fifo: {message}"):
        build([bad], tmp_path / "bad")
