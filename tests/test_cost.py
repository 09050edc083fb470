"""The estimate: a formula for every module, coefficients that follow from what Yosys measured, how far they are off."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path, PurePosixPath

import numpy as np
import pytest

from benchmarks._area_fit import FAMILY, MEASURED, SAMPLES, SEED, coefficients, samples
from benchmarks._area_samples import MAKERS, Sample, draw
from benchmarks.area_model import MEDIAN, measure, summary
from flows.area import COEFFICIENTS, MODULES
from flows.area.memory import Rom, ram, rom
from flows.cost import Cost, cost, link
from flows.design import MemFile, Param
from flows.graph import IntType
from flows.kernels.memory import image
from flows.synthesize.jobs import Job
from flows.synthesize.yosys import synthesize
from tests.test_stems import PARTS, RTL, STREAM_MODULES

MEASURED_LUTS: dict[str, list[int]] = json.loads(MEASURED.read_text(encoding="utf-8"))
NO_INSTANCES = {
    "control", "framein", "frameout", "tlastmarker", "mvau_feed", "mvau_lane", "mvau_plane", "mvau_dsp_chain",
    "mvau_dsp_sum", "mvau_const_node", "thresholding_stage", "thresholding_const_stage", *PARTS,
}  # fmt: skip
"""Modules that a design's instances are not: inside of others, or on the processing system's side."""


def test_every_module_has_a_formula_and_samples_that_it_was_fitted_to() -> None:
    assert set(MODULES) == set(RTL) - NO_INSTANCES
    assert set(MAKERS) == set(MODULES) - {"duplicate"} == set(MEASURED_LUTS) == set(COEFFICIENTS)
    assert NO_INSTANCES - set(PARTS) >= set(STREAM_MODULES) - set(MODULES)
    for module, luts in MEASURED_LUTS.items():
        assert len(luts) == len(samples(module)) >= 12, module
    assert set(SAMPLES) <= set(MAKERS)


@lru_cache
def estimates(module: str) -> tuple[float, ...]:
    return tuple(cost(s.module, s.params, s.memories).lut for s in samples(module))


@pytest.mark.parametrize("module", MAKERS)
def test_the_coefficients_are_those_of_the_measured_instances(module: str) -> None:
    fitted = coefficients({module: MEASURED_LUTS[module]})[module]
    assert fitted == pytest.approx(dict(COEFFICIENTS[module]), abs=0.02)


@pytest.mark.parametrize("module", MAKERS)
def test_a_module_is_estimated_as_well_as_it_was(module: str) -> None:
    """Of the instances that were fitted to; those held out: `test_fresh_instances…`, and the benchmark."""
    errors = np.abs(np.array(estimates(module)) / MEASURED_LUTS[module] - 1)
    assert np.median(errors) <= MEDIAN


def test_all_of_them_together() -> None:
    errors = [
        abs(e / m - 1) for module in MAKERS for e, m in zip(estimates(module), MEASURED_LUTS[module], strict=True)
    ]
    assert np.median(errors) <= 0.06 and np.quantile(errors, 0.9) <= 0.2
    found, there = (sum(map(sum, many)) for many in (map(estimates, MAKERS), MEASURED_LUTS.values()))
    assert found == pytest.approx(there, rel=0.1)


def test_the_samples_are_the_same_every_time_and_others_with_another_seed() -> None:
    one, two = draw("mvau", SEED, 3), draw("mvau", SEED, 3)
    assert one.params == two.params and [m.text for m in one.memories] == [m.text for m in two.memories]
    assert draw("mvau", "held out", 3).params != one.params


@pytest.mark.slow
def test_fresh_instances_are_estimated_to_within_a_tenth(tmp_path: Path) -> None:
    """Drawn with a seed that neither the fit nor the benchmark uses; two of every module."""
    found = summary(measure([draw(m, "tests", n) for m in MAKERS for n in range(2)], tmp_path))
    assert found["median"] <= MEDIAN and found["bram_right"] >= 0.9


SHAPES = [(640, 4), (720, 12), (576, 24), (1024, 16), (832, 10), (1152, 20), (1664, 10), (5148, 4), (60, 200)]


def test_a_rom_becomes_block_ram_where_yosys_makes_it_one(tmp_path: Path) -> None:
    """Banks of words side by side in one block RAM (1152 x 20), and what is as good as a tie (832 x 10)."""
    rng = np.random.default_rng(0)
    roms = {shape: image("m.hex", rng.integers(0, 2, shape), IntType(1, False)) for shape in SHAPES}
    found = synthesize([_rom_job(*shape, file) for shape, file in roms.items()], FAMILY, tmp_path)
    made = {shape: result.counts["BRAM_18K"] for shape, result in zip(roms, found, strict=True)}
    assert made == {shape: rom(Rom(*shape, file)).bram for shape, file in roms.items()}


def _rom_job(depth: int, width: int, file: MemFile) -> Job:
    bits = (depth - 1).bit_length()
    text = f"""module top(input logic clk, input logic [{bits - 1}:0] a, output logic [{width - 1}:0] q);
  logic [{width - 1}:0] m[{depth}];
  initial $readmemh("m.hex", m);
  always_ff @(posedge clk) q <= m[a];
endmodule
"""
    return Job(f"{depth}x{width}", "top", {PurePosixPath("top.sv"): text, PurePosixPath("m.hex"): file.text})


def test_what_is_in_a_rom_decides_what_it_costs() -> None:
    """Words of zeros only cost nothing; a bit that is the same everywhere is not stored."""
    zeros, ones = (Rom(32, 8, image("m.hex", np.full((32, 8), v), IntType(1, False))) for v in (0, 1))
    assert not zeros.varying and not sum(rom(ones).lut.values())
    odd = np.random.default_rng(1).integers(0, 2, (32, 8))
    odd[:, 0] = 1
    assert Rom(32, 8, image("m.hex", odd, IntType(1, False))).varying == 7
    assert sum(rom(Rom(32, 8)).lut.values()) == 8


def test_one_word_is_registers_some_are_lutram_many_block_ram() -> None:
    assert not any(ram(1, 8).lut.values())
    assert ram(32, 6).lut["lutram"] == 4 and ram(64, 3).lut["lutram"] == 4 and ram(16, 1).lut["lutram"] == 2
    assert ram(2144, 4).bram == 1 and ram(2144, 4, clocked=False).bram == 0


def mvau(weights: list[list[int]], **other: Param) -> Sample:
    """PE = SIMD = 1, so that every weight is a word."""
    rows = np.array(weights)
    params: dict[str, Param] = {
        **draw("mvau", SEED, 0).params, "MW": rows.shape[0], "MH": rows.shape[1], "PE": 1, "SIMD": 1, "WEIGHT_BITS": 4,
        **other,
    }  # fmt: skip
    file = image("w.hex", rows.T.reshape(-1, 1), IntType(4, True))
    return Sample("mvau", "mvau", params, {}, (file,))


def test_weights_that_are_zero_cost_less() -> None:
    rng = np.random.default_rng(2)
    dense = rng.integers(-8, 8, (24, 8))
    luts = [cost(s.module, s.params, s.memories).lut for s in (mvau(dense.tolist()), mvau((dense % 2).tolist()))]
    assert luts[1] < luts[0]


def test_links_cost_what_stands_between_two_streams() -> None:
    def fifo(bits: int) -> float:
        return cost("fifo", {"WIDTH": bits, "DEPTH": 2}).lut

    straight, narrower, odd = (link(4, lanes, 8, bursts=False) for lanes in (4, 2, 6))
    assert straight.lut == fifo(32)
    assert narrower.lut == fifo(16) + cost("dwc", {"IN_WIDTH": 32, "OUT_WIDTH": 16}).lut
    wider = {bursts: link(4, 8, 8, bursts).lut for bursts in (False, True)}
    assert wider[True] - wider[False] == pytest.approx(fifo(64) - straight.lut)
    # 4 lanes to 12, then to 6.
    assert odd.lut > narrower.lut
    assert Cost(1.0, 1).price > Cost(1.0).price
