"""HLS = RTL = golden: the same drawn parameters and vectors of every operator, in one program and one model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from flows.beats import pack, unpack
from flows.emit.hls import emit_files
from flows.kernels.registry import STEMS
from flows.simulate.bench import job_of, results_of
from flows.simulate.hls import compile_program, run_program
from tests.draw import MAKERS, Case, draw
from tests.kernels.harness import build

FAST, SLOW = range(8), range(8, 48)
GROUPS = [list(MAKERS)[n::3] for n in range(3)]
STALLS = (0.3, 0.3)


def test_every_operator_is_drawn() -> None:
    assert set(MAKERS) == {*STEMS, "TopK", "DWC", "Duplicate"}


def hls_outputs(cases: Sequence[Case], folder: Path) -> list[list[np.ndarray]]:
    """For every case and output (frames, beats, lanes), from one program. Without optimization: it compiles faster."""
    program = compile_program(emit_files([c.layer for c in cases]), folder / "program", optimize=("-O0",))
    found = []
    for case in cases:
        u = case.unit
        fed = [pack(x.reshape(-1, x.shape[2]), bits) for x, bits in ((u.x, u.in_bits), *u.more)]
        bits = [u.y.shape[2] * u.out_type.bits] * u.outputs
        outputs = run_program(program, case.layer.name, fed, folder / "run", bits)
        found.append([unpack(b, u.y.shape[2], u.out_type.bits, u.out_type.signed).reshape(u.y.shape) for b in outputs])
    return found


def rtl_outputs(cases: Sequence[Case], folder: Path) -> list[list[np.ndarray]]:
    units = [case.unit for case in cases]
    fed = [u.case for u in units]
    run = build(units, folder).run(job_of(fed, stall=STALLS), folder / "run")
    assert not run.deadlock
    return [list(result.outputs) for result in results_of(fed, run)]


def check(cases: Sequence[Case], folder: Path) -> None:
    """Three ways: what must come out of a case is what numpy says."""
    both = zip(hls_outputs(cases, folder / "hls"), rtl_outputs(cases, folder / "rtl"), strict=True)
    for case, (hls, rtl) in zip(cases, both, strict=True):
        assert len(hls) == len(rtl) == case.unit.outputs
        for got in (*hls, *rtl):
            np.testing.assert_array_equal(got, case.unit.y, err_msg=f"{case.unit.name} {dict(case.unit.params)}")


@pytest.mark.parametrize("group", range(len(GROUPS)))
def test_hls_equals_rtl_equals_golden(group: int, tmp_path: Path) -> None:
    check([draw(kind, number) for kind in GROUPS[group] for number in FAST], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("kind", MAKERS)
def test_more_of_one_operator(kind: str, tmp_path: Path) -> None:
    check([draw(kind, number) for number in SLOW], tmp_path)
