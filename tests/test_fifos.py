"""FIFO depths of branching networks: no deadlock, the best rate, and not an entry more than that needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from flows.cycles import Model
from flows.design import Design
from flows.elaborate import MIN_DEPTH, fifo_names, with_depths
from flows.emit.rtl import emit
from flows.errors import VerificationFailed
from flows.fifo_trials import CUT_DOWN_FRAMES, FRAMES, Trials, frames_of
from flows.fifos import Search, roomy, size, tolerance
from flows.golden import evaluate
from flows.simulate import cosim
from flows.simulate.job import Throttle
from tests import branches
from tests.random_graphs import network as numbered

NETWORKS = {
    "residual": branches.residual, "unet": branches.unet, "three": branches.three, "nested": branches.nested,
    "squeezed": branches.squeezed,
}  # fmt: skip


def deep(depths: Mapping[str, int]) -> dict[str, int]:
    return {name: depth for name, depth in depths.items() if depth > MIN_DEPTH}


def plain(design: Design) -> list[tuple[object, ...]]:
    return [(i.name, i.module, i.params, i.inputs, i.outputs) for i in design.instances]


@pytest.mark.parametrize("name", NETWORKS)
def test_an_entry_less_in_any_fifo_costs_rate_or_can_stand_still(name: str) -> None:
    network = NETWORKS[name]()
    sizing = size(network.design, {})
    bound, _ = network.design().bound
    assert sizing.minimal and sizing.interval_cycles == bound
    assert deep(sizing.depths), "a chain would do with these depths; the test shows nothing"
    search = Search(network.design(roomy(network.design())), {})
    search.limit, search.rings = bound, sizing.rings
    assert search.enough(sizing.depths, sizing.left_out)
    for fifo, depth in deep(sizing.depths).items():
        assert not search.enough({**sizing.depths, fifo: depth - 1}, sizing.left_out), f"{fifo} is too deep"


@pytest.mark.parametrize("name", NETWORKS)
def test_depths_are_set_in_a_design_as_it_is_elaborated_with_them(name: str) -> None:
    network = NETWORKS[name]()
    empty = network.design()
    for depths in (roomy(empty), dict.fromkeys(list(roomy(empty))[::2], 1)):
        assert plain(with_depths(empty, depths)) == plain(network.design(depths)) != plain(empty)


@pytest.mark.parametrize("name", NETWORKS)
def test_depths_that_are_enough_take_a_few_runs(name: str) -> None:
    network = NETWORKS[name]()
    enough, least = size(network.design, {}, shrink=False), size(network.design, {})
    assert enough.interval_cycles == least.interval_cycles and not enough.minimal and not enough.left_out
    assert enough.trials <= 4 < least.trials
    assert sum(enough.depths.values()) > sum(least.depths.values())
    search = Search(network.design(roomy(network.design())), {})
    search.limit = enough.interval_cycles
    assert search.enough(enough.depths)


@pytest.mark.parametrize("name", ["three", pytest.param("residual", marks=pytest.mark.slow),
                                  pytest.param("unet", marks=pytest.mark.slow),
                                  pytest.param("nested", marks=pytest.mark.slow)])  # fmt: skip
def test_the_rtl_runs_at_the_bound_and_an_entry_less_costs_rate(name: str, tmp_path: Path) -> None:
    network = NETWORKS[name]()
    sizing = size(network.design, {})
    design = network.design(sizing.entries)
    bound, _ = design.bound
    rtl, golden = emit(design), evaluate(network.graph, {"x": network.frames})
    result, run = cosim.verify_stitched(design, network.graph, golden, rtl, tmp_path / "top", frames=4, seed=1)
    assert result["mismatches"] == 0 and not run.deadlock
    assert cosim.speed(run).latency_cycles == sizing.latency_cycles
    stitched = cosim.Stitched(design, rtl, tmp_path / "again")
    assert cosim.speed(stitched.run(network.frames, FRAMES, "as_sized")).interval_cycles == bound
    model = Model(design)
    slower = 0
    for fifo, depth in deep(sizing.depths).items():
        limits = {**{n: d for n, d in sizing.depths.items() if n not in sizing.left_out}, fifo: depth - 1}
        less, expected = stitched.run(network.frames, FRAMES, "less", limits=limits), model.run(FRAMES, limits=limits)
        assert less.deadlock == expected.deadlock
        assert less.deadlock or cosim.speed(less).interval_cycles == expected.interval_cycles
        slower += less.deadlock or expected.interval_cycles > bound
    assert slower


def test_a_writer_that_pauses_does_not_keep_a_narrow_reader_waiting() -> None:
    network = branches.strided()
    bound, slowest = network.design().bound
    assert slowest == "StreamingDataWidthConverter_0", "the converter is not what must never wait"
    assert size(network.design, {}).interval_cycles == bound


def test_a_skip_over_a_large_map_holds_all_of_it() -> None:
    network = branches.squeezed(35, 36)
    sizing = size(network.design, {})
    assert 35 * 36 <= max(sizing.depths.values()) <= 35 * 36 + 16
    assert sizing.interval_cycles == 35 * 36


def test_a_given_depth_is_kept_and_one_that_is_too_small_is_named() -> None:
    network = branches.squeezed()
    skip = max((s := size(network.design, {}).depths), key=s.__getitem__)
    assert size(network.design, {skip: 333}).depths[skip] == 333
    with pytest.raises(VerificationFailed, match=rf"given depths \{{'{skip}': 5\}}"):
        size(network.design, {skip: 5})


def test_gaps_in_a_pipeline_take_room_that_full_speed_seems_to_have() -> None:
    """The least depth of a skip that full speed bears stands still under stalls; the cut-down network knows it."""
    network = branches.three()
    design = network.design(roomy(network.design()))
    depths = size(network.design, {}).depths
    _, skip = fifo_names(design)["Thresholding_1"]
    search = Search(design, {})

    def least(stands_still: Callable[[Mapping[str, int]], bool]) -> int:
        return next(n for n in range(2, depths[skip] + 1) if not stands_still({**depths, skip: n}))

    fast = least(lambda d: search.full_speed(d).deadlock)
    cut_down = least(lambda d: search.cut_down.run(FRAMES, limits=d).deadlock)
    assert fast < cut_down
    assert _stands(design, {**depths, skip: cut_down - 1}), "no stall shows that the entry is needed"
    assert _stands(design, {**depths, skip: cut_down}) is None


@pytest.mark.parametrize("numbers", [range(20), pytest.param(range(20, 220), marks=pytest.mark.slow)])
def test_random_networks_never_stand_still_in_the_model_whatever_stalls(numbers: range) -> None:
    for number in numbers:
        network = numbered(number)
        sizing = size(network.design, {})
        design = network.design(sizing.entries)
        assert sizing.interval_cycles <= design.bound[0] + tolerance(design.bound[0]), number
        assert Model(design).run(frames_of(design)).interval_cycles == sizing.interval_cycles, f"{number}: {network}"
        assert _stands(design, {}) is None, f"{number}: {network}"


@pytest.mark.parametrize("numbers", [range(12), pytest.param(range(12, 150), marks=pytest.mark.slow)])
def test_a_run_that_ends_when_it_repeats_itself_tells_what_a_long_one_does(numbers: range) -> None:
    """And two frames of the cut-down network what many do. With enough depth, and with too little."""
    ended, stood = 0, 0
    for number in numbers:
        network = numbered(number)
        depths = size(network.design, {}).depths
        design = network.design(roomy(network.design()))
        most = max(depths, key=depths.__getitem__)
        for limits in (depths, {**depths, most: max(MIN_DEPTH, depths[most] // 2)}, dict.fromkeys(depths, MIN_DEPTH)):
            model, cut_down = Model(design), Model(design, cut_down=True)
            long, short = model.run(FRAMES, limits=limits), model.run(FRAMES, limits=limits, until_steady=True)
            assert long.deadlock == short.deadlock and long.last_out.tolist() == short.last_out.tolist(), number
            ended += short.cycles < long.cycles
            few, many = (cut_down.run(frames, limits=limits).deadlock for frames in (CUT_DOWN_FRAMES, FRAMES))
            assert few == many, number
            stood += many
    assert ended > len(numbers) and stood, "no run was shorter, or nothing ever stood still: the test shows little"


@pytest.mark.parametrize("numbers", [range(12), pytest.param(range(12, 150), marks=pytest.mark.slow)])
def test_a_trial_that_goes_on_finds_what_one_from_reset_does(numbers: range) -> None:
    """With any FIFO a little lower, much lower and lowest, after its neighbours were; none seems enough that is not."""
    found, seemed, unsettled = {True: 0, False: 0}, 0, 0
    for number in numbers:
        network = numbered(number)
        design = network.design(roomy(network.design()))
        search = Search(design, {})
        search.find()
        enough = dict(search.depths)
        search.settle(enough)
        if search.steady is None:  # not every network does the same in every frame; its trials are from reset
            unsettled += 1
            continue
        for fifo in list(enough):
            for depth in {enough[fifo] - 1, enough[fifo] // 2, MIN_DEPTH}:
                if MIN_DEPTH <= depth < enough[fifo]:
                    less = {**enough, fifo: depth}
                    goes_on = search.still_enough(less, hasty=False)
                    assert goes_on == search.enough(less), f"{number}: {fifo} with {depth}: {network}"
                    found[goes_on] += 1
                    assert goes_on or not search.still_enough(less), "it went on with what is too little"
                    seemed += goes_on and not search.still_enough(less)
                    enough = less if goes_on else enough
    assert found[True] > len(numbers) and found[False] > len(numbers), f"the test shows little: {found}"
    assert seemed < found[True] / 4, "haste makes waste"
    assert unsettled <= len(numbers) / 10


@pytest.mark.parametrize("name", NETWORKS)
def test_a_run_that_begins_where_another_ended_goes_on_in_its_steps(name: str) -> None:
    design = NETWORKS[name]().design(roomy(NETWORKS[name]().design()))
    bound, _ = design.bound
    model, throttle = Model(design), Throttle(bound + 3)
    first = model.run(FRAMES, throttle=throttle, until_steady=True)
    assert first.end is not None
    second = model.run(5, throttle=throttle, until_steady=True, start=first.end)
    assert second.last_out.tolist() == [n * (bound + 3) for n in range(5)] and second.end is not None
    assert (second.end.numbers == first.end.numbers).all()
    too_fast = model.run(FRAMES, throttle=Throttle(bound - 1), until_steady=True)
    assert too_fast.end is None and too_fast.interval_cycles == bound


def test_depths_that_only_seemed_enough_are_looked_for_again_from_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    network = branches.residual()
    honest = Trials.still_enough

    def lies(self: Trials, depths: Mapping[str, int], left_out: Sequence[str] = (), hasty: bool = True) -> bool:
        return self.goes_on or honest(self, depths, left_out, hasty)

    monkeypatch.setattr(Trials, "still_enough", lies)
    sizing = size(network.design, {})
    assert sizing.minimal and sizing.interval_cycles == network.design().bound[0]


def test_a_run_with_stalls_is_never_steady() -> None:
    with pytest.raises(ValueError, match="steady"):
        Model(branches.three().design()).run(2, stall=(0.1, 0.0), until_steady=True)


def _stands(design: Design, depths: Mapping[str, int]) -> str | None:
    for seed, stall in enumerate(((0.3, 0.3), (0.0, 0.9), (0.9, 0.0), (0.6, 0.1)) * 3, start=1):
        if Model(design).run(6, limits=depths, stall=stall, seed=seed).deadlock:
            return f"seed {seed}, stalls {stall}"
    return None
