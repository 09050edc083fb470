"""tlastmarker.sv: tlast with the last beat of every frame, the payload untouched."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from flows.errors import ToolFailed, VerificationFailed
from flows.graph import IntType
from flows.simulate.bench import Case, Dut, Expect, Feed, Port, rtl_files, simulate_duts

SETS = [(1, 1), (8, 2), (3, 7), (40, 16), (65, 5), (12, 33), (128, 1), (2, 64)]


def case(number: int, width: int, beats: int, marked: int) -> Case:
    """Frames of `beats` beats, of which the module marks every `marked`-th; the sink checks tlast on every beat."""
    x = np.random.default_rng(number).integers(0, 2, (4, beats, width))
    ports = (Port("in", "s_axis", width),), (Port("out", "m_axis", width, last=True),)
    dut = Dut(f"dut{number}", "tlastmarker", {"WIDTH": width, "BEATS": marked}, *ports)
    return Case(dut, (Feed(x, 1),), (Expect(beats, width, IntType(1, False)),))


@pytest.mark.parametrize("stall", [(0.0, 0.0), (0.4, 0.4), (0.0, 0.9), (0.9, 0.0)])
def test_grid(tmp_path: Path, stall: tuple[float, float]) -> None:
    cases = [case(i, width, beats, beats) for i, (width, beats) in enumerate(SETS)]
    for reset_at in (None, 40):
        results = simulate_duts(cases, rtl_files(), tmp_path, stall=stall, reset_at=reset_at)
        for c, result in zip(cases, results, strict=True):
            assert np.array_equal(result.outputs[0], c.feeds[0].values), c.dut.params


@pytest.mark.slow
def test_large_grid(tmp_path: Path) -> None:
    sets = [(width, beats) for width in (1, 7, 32, 33, 100) for beats in (1, 2, 3, 8, 9, 31, 100, 257)]
    cases = [case(i, width, beats, beats) for i, (width, beats) in enumerate(sets)]
    for c, result in zip(cases, simulate_duts(cases, rtl_files(), tmp_path, stall=(0.3, 0.3)), strict=True):
        assert np.array_equal(result.outputs[0], c.feeds[0].values), c.dut.params


@pytest.mark.parametrize("marked", [4, 6])
def test_wrong_mark_is_seen(tmp_path: Path, marked: int) -> None:
    with pytest.raises(VerificationFailed, match="tlast"):
        simulate_duts([case(0, 8, 5, marked)], rtl_files(), tmp_path)


@pytest.mark.parametrize("changed", [{"WIDTH": 0}, {"BEATS": 0}])
def test_illegal_parameters_are_refused(tmp_path: Path, changed: dict[str, int]) -> None:
    good = case(0, 8, 5, 5)
    dut = Dut("dut", "tlastmarker", {**good.dut.params, **changed}, good.dut.inputs, good.dut.outputs)
    with pytest.raises(ToolFailed, match=f"tlastmarker: {next(iter(changed))}"):
        simulate_duts([Case(dut, good.feeds, good.expects)], rtl_files(), tmp_path)
