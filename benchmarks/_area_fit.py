"""Fits the coefficients of `flows.area` to Yosys' LUTs of drawn instances: python -m benchmarks._area_fit

Writes `flows/area/coefficients.json`, and `_area_measured.json`, what Yosys gave for every instance, from which the
coefficients follow again without Yosys (the tests do). Least squares on the relative error, no coefficient negative.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy.optimize import nnls

from benchmarks._area_samples import MAKERS, Sample, draw
from flows.area import FILE, MODULES
from flows.files import write_json
from flows.synthesize.yosys import synthesize

SEED = "fit"
MEASURED = Path(__file__).with_name("_area_measured.json")
FAMILY = "xc7"
SAMPLES = {
    "mvau": 56, "mvau_sparse": 24, "vvau": 24, "thresholding": 30, "swg": 32, "swg_parallel": 24, "fifo": 30,
    "mvau_const": 14, "thresholding_const": 12,
}  # fmt: skip
"""Instances to fit to; of the others OTHERS."""
OTHERS = 16
CONSTANTS = (
    "one", "block", "wrap", "delay", "single", "two", "registers", "direct", "deep", "up", "down", "whole",
    "rows", "depthwise", "folds",
)  # fmt: skip
"""Parts that a module has or has not."""
PRIORS = {
    **dict.fromkeys(CONSTANTS, (10.0, 15.0)),
    "lutram": (1.0, 0.1), "adder": (1.0, 0.03), "adder_constant": (0.85, 0.1), "again": (0.5, 0.1), "pair": (1.0, 0.2),
    "clip": (1.0, 0.2), "replay": (12.0, 5.0),
    "rom": (1.2, 0.5), "rom_whole": (1.5, 1.0), "rom_two": (2.0, 1.0), "rom_deep": (1.5, 0.7),
    "rom_whole_direct": (2.5, 1.0), "rom_two_direct": (3.0, 1.0), "rom_deep_direct": (2.5, 1.0),
    "sparse": (0.35, 0.2), "choose": (0.5, 0.4), "bank": (1.0, 0.2), "banks": (1.0, 0.5), "end": (2.0, 3.0),
}  # fmt: skip
"""Part to (what it is taken to cost, how far from that it may well be); of the others a LUT, give or take SPREAD."""
SPREAD = 0.4
ERROR = 0.1
"""Relative error that is expected: with SPREAD, how many instances outweigh a prior."""
SWEEPS = 4
"""Fits, each with less weight on what the one before was far from."""


def samples(module: str) -> list[Sample]:
    """The instances to fit to."""
    return [draw(module, SEED, number) for number in range(SAMPLES.get(module, OTHERS))]


def fit(module: str, drawn: Sequence[Sample], measured: Sequence[int]) -> dict[str, float]:
    """{part: LUTs} from instances of `module` and the LUTs that each takes."""
    found = [MODULES[module](s.params, s.memories).lut for s in drawn]
    names = sorted({name for parts in found for name, many in parts.items() if many})
    lut = np.maximum(np.array(measured, dtype=float), 1.0)
    table = np.array([[parts.get(name, 0.0) for name in names] for parts in found]) / lut[:, None]
    priors = [PRIORS.get(name, (1.0, SPREAD)) for name in names]
    pull = np.diag([ERROR / spread for _, spread in priors])
    wanted = pull @ np.array([value for value, _ in priors])
    weight = np.ones(len(lut))
    for _ in range(SWEEPS):
        rows = np.vstack([table * weight[:, None], pull])
        solution, _ = nnls(rows, np.concatenate([weight, wanted]))
        off = np.abs(table @ solution - 1)
        weight = 1 / np.sqrt(np.maximum(off, 0.03))
        weight /= weight.mean()
    return {name: round(float(value), 3) for name, value in zip(names, solution, strict=True)}


def coefficients(measured: Mapping[str, Sequence[int]]) -> dict[str, dict[str, float]]:
    """Of every module in `measured` {module: LUTs of its first samples}."""
    return {
        module: fit(module, [draw(module, SEED, n) for n in range(len(luts))], luts)
        for module, luts in sorted(measured.items())
    }


def main(names: Sequence[str]) -> int:
    """Measures and fits the modules in `names`, or all."""
    measured: dict[str, list[int]] = json.loads(MEASURED.read_text("utf-8")) if MEASURED.exists() else {}
    for module in names or MAKERS:
        drawn = samples(module)
        results = synthesize(
            [s.job for s in drawn], FAMILY, Path("out") / "benchmarks" / "area_fit" / module, processes=1
        )
        measured[module] = [result.counts["LUT"] for result in results]
        print(f"{module}: {len(drawn)} instances")
    write_json(MEASURED, measured)
    write_json(FILE, coefficients(measured))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
