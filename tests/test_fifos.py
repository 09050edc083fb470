"""FIFO depths of branching networks: no deadlock, the analytic rate, little more than that needs, few simulations."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from flows import fifos
from flows.elaborate import MIN_DEPTH
from flows.emit.rtl import emit
from flows.errors import VerificationFailed
from flows.fifos import FRAMES, Seen, Trial, roomy, search, size, spare, tolerance
from flows.golden import evaluate
from flows.kernels.mvau import LOOSE_BEATS
from flows.simulate import cosim
from tests import branches
from tests.random_graphs import Network

NETWORKS = {
    "residual": branches.residual, "unet": branches.unet, "three": branches.three, "nested": branches.nested,
    "squeezed": branches.squeezed,
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_the_sized_design_runs_at_the_analytic_rate(name: str, tmp_path: Path) -> None:
    network = NETWORKS[name]()
    sizing = size(network.design, network.frames, {}, tmp_path / "fifos")
    design = network.design(sizing.depths)
    bound, _ = design.bound
    rtl, golden = emit(design), evaluate(network.graph, {"x": network.frames})
    result, run = cosim.verify_stitched(design, network.graph, golden, rtl, tmp_path / "top", frames=4, seed=1)
    assert result["mismatches"] == 0 and not run.deadlock
    assert bound <= sizing.interval_cycles <= bound + tolerance(bound)
    assert sizing.simulations <= 40
    more = spare(design)
    found = {name: depth - more.get(name, 0) for name, depth in sizing.depths.items()}
    deep = [name for name, depth in found.items() if depth > MIN_DEPTH]
    assert deep, "a chain would do with these depths; the test shows nothing"
    stitched = cosim.Stitched(design, rtl, tmp_path / "again")
    for fifo in deep:
        less = stitched.run(network.frames, FRAMES, "less", limits={**found, fifo: MIN_DEPTH})
        assert less.deadlock or cosim.speed(less).interval_cycles > bound + tolerance(bound), f"{fifo} is too deep"


def test_a_writer_that_pauses_does_not_keep_a_narrow_reader_waiting(tmp_path: Path) -> None:
    network = branches.strided()
    bound, slowest = network.design().bound
    assert slowest == "StreamingDataWidthConverter_0", "the converter is not what must never wait"
    assert size(network.design, network.frames, {}, tmp_path).interval_cycles <= bound + tolerance(bound)


def test_a_skip_over_a_large_map_holds_all_of_it(tmp_path: Path) -> None:
    network = branches.squeezed(35, 36)
    sizing = size(network.design, network.frames, {}, tmp_path)
    assert 35 * 36 <= max(sizing.depths.values()) <= 35 * 36 * 9 // 8 + 16
    assert sizing.interval_cycles <= 35 * 36 + tolerance(35 * 36)


def test_a_given_depth_is_kept_and_one_that_is_too_small_is_named(tmp_path: Path) -> None:
    network = branches.squeezed()
    skip = max((s := size(network.design, network.frames, {}, tmp_path).depths), key=s.__getitem__)
    assert size(network.design, network.frames, {skip: 333}, tmp_path).depths[skip] == 333
    with pytest.raises(VerificationFailed, match=rf"given depths \{{'{skip}': 5\}}"):
        size(network.design, network.frames, {skip: 5}, tmp_path)


def test_before_a_pipeline_that_may_hold_gaps_a_branch_has_room_for_them() -> None:
    network = branches.three()
    design = network.design()
    more = spare(design)
    makers = {s: i for i in design.instances for s in i.outputs}
    for op in network.graph.ops:
        instance = design.instance(op.name)
        before = next(i for i in (makers[instance.input], makers[makers[instance.input].input]) if i.module == "fifo")
        # All of its folds are 1, so that no width is converted.
        assert more.get(before.name, 0) == instance.loose_beats
    assert {design.instance(n).loose_beats for n in ("MVAU_0", "FMPadding_0")} == {LOOSE_BEATS, 0}
    chain = branches.chain().design()
    assert chain.instance("MVAU_0").loose_beats and not spare(chain)


def answers(network: Network, need: Mapping[str, int], fixed: Mapping[str, int]) -> tuple[fifos.Sizing, list[Trial]]:
    """A search in a world where the rate is the bound where every FIFO has what it needs, else everything stands."""
    design = network.design({**roomy(network.design()), **fixed})
    names = [i.name for i in design.instances if i.module == "fifo"]
    dialogue, trials = search(design, fixed), []
    trial = next(dialogue)
    while True:
        trials.append(trial)
        enough = all(trial.limits[name] >= entries for name, entries in need.items())
        seen = Seen(float(design.bound[0]) if enough else float("inf"), {n: 2 * need.get(n, 2) for n in names})
        try:
            trial = dialogue.send(seen)
        except StopIteration as done:
            return done.value, trials


def test_search_finds_what_is_needed_to_within_an_eighth() -> None:
    network = branches.nested()
    names = [i.name for i in network.design().instances if i.module == "fifo"]
    need = {names[1]: 17, names[5]: 40, names[-1]: 3}
    sizing, trials = answers(network, need, {names[2]: 9})
    assert sizing.simulations == len(trials) <= 40 and trials[1].frame_cycles == network.design().bound[0]
    more = {name: entries for name, entries in spare(network.design()).items() if name != names[2]}
    for name, depth in sizing.depths.items():
        least = {**need, names[2]: 9}.get(name, MIN_DEPTH)
        found = depth - more.get(name, 0)
        assert least <= found <= least + max(1, least // 6), name
    assert answers(network, {}, {})[0].simulations == 1


def test_search_gives_up_where_no_depth_is_enough() -> None:
    with pytest.raises(VerificationFailed, match="however deep"):
        answers(branches.three(), {"StreamingFIFO_0": 1 << 30}, {})
