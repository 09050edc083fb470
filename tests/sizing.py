"""What the report of a finished build says of its rate and its FIFOs, checked: measured, modelled and bound agree, and
no FIFO is deeper than it must be."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from flows.accumulators import analyse
from flows.config import load as load_config
from flows.cycles import Model
from flows.design import Design
from flows.elaborate import MIN_DEPTH, elaborate
from flows.fifos import Search, roomy, tolerance
from flows.folding import choose, request
from flows.stages import chosen_depths, left_dense, networks

MODEL_SHARE = 0.01
"""Of the RTL's interval and latency, that the cycle model's may differ by."""


def check_rate_and_fifos(config: Path, out: Path) -> None:
    """`out`: of a run of `config` to `rtl_stitched` at least, with no FIFO depths given."""
    path = out / "report" / "fifo_depths.json"
    sized = json.loads(path.read_text())
    measured = json.loads((out / "verification_output" / "rtl_stitched.json").read_text())["performance"]
    wide, design = _designs(config, out, chosen_depths(path))
    bound, _ = design.bound

    assert abs(measured["interval_cycles"] - bound) <= tolerance(bound)
    model = Model(design).run(measured["frames"])
    for key, modelled in (("interval_cycles", model.interval_cycles), ("latency_cycles", model.latency_cycles)):
        assert abs(modelled - measured[key]) <= MODEL_SHARE * measured[key], key
    assert sized["seconds"]["enough"] > 0 and measured["frame_seconds"] > 0

    assert sized["minimal"]
    search = Search(wide, {})
    search.limit, search.rings = sized["interval_cycles"], sized["rings"]
    assert search.enough(sized["depths"], sized["left_out"])
    for fifo, depth in sized["depths"].items():
        if depth > MIN_DEPTH:
            less = {**sized["depths"], fifo: depth - 1}
            assert not search.enough(less, sized["left_out"]), f"{fifo} does with fewer than {depth}"


def _designs(config: Path, out: Path, depths: dict[str, int]) -> tuple[Design, Design]:
    """The design with FIFOs that never fill up, and the one that was built."""
    c = load_config(config)
    folded, graph = networks(out)
    asked = request(c.folding, c.folding_config_file, c.target_fps, c.synth_clk_period_ns, c.skip_zeros)
    folding = choose(folded, replace(asked, dense=left_dense(out)))
    widths = {name: w.implemented(c.accumulator_policy) for name, w in analyse(graph).items()}
    wide = roomy(elaborate(graph, folding, widths))
    return elaborate(graph, folding, widths, wide), elaborate(graph, folding, widths, depths)
