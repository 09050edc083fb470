"""The area model: what a module is built of (one file a group of modules), weighed by fitted coefficients.

Every module's function counts the parts that its RTL consists of (`Parts`): LUTs of adders, of memories as Yosys maps
them, bits of counters. COEFFICIENTS says what each part takes; `benchmarks._area_fit` fits them to Yosys' results.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from flows.area import constants, matrix, pooling, streams, thresholds, windows
from flows.area.parts import Params, Parts
from flows.design import MemFile

FILE = Path(__file__).with_name("coefficients.json")
COEFFICIENTS: Mapping[str, Mapping[str, float]] = json.loads(FILE.read_text(encoding="utf-8"))
"""{module: {part: LUTs}}"""

MODULES: Mapping[str, Callable[[Params, Sequence[MemFile]], Parts]] = {
    "mvau": matrix.mvau, "mvau_dsp": matrix.mvau_dsp, "mvau_sparse": matrix.mvau_sparse, "vvau": matrix.vvau,
    "mvau_const": constants.mvau_const, "thresholding_const": constants.thresholding_const,
    "thresholding": thresholds.thresholding, "swg": windows.swg, "swg_parallel": windows.swg_parallel,
    "upsample": windows.upsample, "depthtospace": windows.depthtospace, "fmpadding": windows.fmpadding,
    "fmpadding_pixel": windows.fmpadding_pixel, "fifo": streams.fifo, "dwc": streams.dwc,
    "duplicate": streams.duplicate, "concat": streams.concat, "channelslice": streams.channelslice,
    "pool": pooling.pool, "pool_parallel": pooling.pool_parallel, "add": pooling.add,
    "globalaccpool": pooling.globalaccpool, "labelselect": pooling.labelselect,
    "labelselect_topk": pooling.labelselect_topk,
}  # fmt: skip
"""Module to its parts."""


def luts(module: str, parts: Parts) -> float:
    """What `parts` take; a part that no sample had takes a LUT."""
    weights = COEFFICIENTS.get(module, {})
    return sum(weights.get(name, 1.0) * many for name, many in parts.lut.items())
