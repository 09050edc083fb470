"""A FIFO that is too shallow for its branch ends in a deadlock, and the message names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.elaborate import MIN_DEPTH
from flows.emit.rtl import emit
from flows.errors import VerificationFailed
from flows.fifos import FRAMES, roomy
from flows.golden import evaluate
from flows.simulate import cosim
from flows.simulate.standstill import explain
from tests import branches
from tests.many import Many, Part
from tests.random_graphs import Network, network


def fifo_before(network: Network, reader: str, port: int) -> str:
    """The FIFO before an input of `reader`."""
    design = network.design()
    makers = {s: i for i in design.instances for s in i.outputs}
    instance = makers[design.instance(reader).inputs[port]]
    while instance.module != "fifo":
        instance = makers[instance.input]
    return instance.name


def test_a_shallow_skip_in_the_emitted_design_is_named(tmp_path: Path) -> None:
    net = branches.residual()
    skip = fifo_before(net, "Add_0", 1)
    design = net.design({**roomy(net.design()), skip: 5})
    assert [i.module for i in design.instances if i.inputs == (f"{skip}_out",)] == ["dwc"]
    golden = evaluate(net.graph, {"x": net.frames})
    message = rf"{skip} \(5 entries\) is too shallow for its branch.* Add_0 waits for its other input.* stands still"
    with pytest.raises(VerificationFailed, match=message):
        cosim.verify_stitched(design, net.graph, golden, emit(design), tmp_path, frames=4, seed=1)


@pytest.mark.parametrize(
    ("make", "reader", "port"),
    [
        (branches.unet, "Concat_0", 1),
        (branches.three, "Concat_0", 1),
        (branches.nested, "Add_0", 0),
        (branches.nested, "Concat_0", 1),
        (branches.squeezed, "Add_0", 1),
    ],
)
def test_a_shallow_skip_by_a_run_time_limit_is_named(make, reader: str, port: int, tmp_path: Path) -> None:
    net = make()
    skip = fifo_before(net, reader, port)
    design = net.design(roomy(net.design()))
    run = cosim.Stitched(design, emit(design), tmp_path).run(net.frames, 4, "run", limits={skip: 3})
    assert run.deadlock
    assert f"{skip} (3 entries)" in explain(design, run)
    assert f"{reader} waits for its other input" in explain(design, run)


def test_of_several_on_a_branch_that_share_what_it_holds_all_are_named(tmp_path: Path) -> None:
    net = branches.three()
    limits = {fifo_before(net, "Thresholding_1", 0): 4, fifo_before(net, "Add_0", 1): 3}
    design = net.design(roomy(net.design()))
    run = cosim.Stitched(design, emit(design), tmp_path).run(net.frames, 4, "run", limits=limits)
    assert run.deadlock
    said = " or ".join(f"{name} ({entries} entries)" for name, entries in limits.items())
    assert f"{said} is too shallow for its branch: they are full and Add_0 waits" in explain(design, run)


def test_in_random_networks_too(tmp_path: Path) -> None:
    many = Many([network(number) for number in range(20)], tmp_path)
    sizings = many.size()
    deep = [[n for n, depth in s.depths.items() if depth > MIN_DEPTH] for s in sizings]
    named = 0
    for turn in range(max(map(len, deep))):
        planted = [names[turn] if turn < len(names) else None for names in deep]
        parts = [
            Part(FRAMES, {**sizing.depths, name: MIN_DEPTH}) if name else Part()
            for sizing, name in zip(sizings, planted, strict=True)
        ]
        for design, name, run in zip(many.designs, planted, many.run(parts), strict=True):
            if name and run.deadlock:
                assert f"{name} ({MIN_DEPTH} entries)" in explain(design, run)
                named += 1
    assert named >= 5


def test_a_stage_that_stops_by_itself_is_named(tmp_path: Path) -> None:
    """The pool of a network whose pool never puts anything out."""
    net = branches.unet()
    design = net.design(roomy(net.design()))
    rtl = dict(emit(design))
    pool = next(name for name in rtl if name.name == "Pool_0.sv")
    broken = "logic out_valid;\n  assign m_axis_tvalid = 1'b0;\n  pool #("
    rtl[pool] = (
        rtl[pool].replace("pool #(", broken).replace(".m_axis_tvalid(m_axis_tvalid)", ".m_axis_tvalid(out_valid)")
    )
    rtl[pool] = rtl[pool].replace(".s_axis_tready(s_axis_tready)", ".s_axis_tready()").replace(
        "  assign m_axis_tvalid", "  assign s_axis_tready = 1'b0;\n  assign m_axis_tvalid"
    )  # fmt: skip
    run = cosim.Stitched(design, rtl, tmp_path).run(net.frames, 4, "run")
    assert run.deadlock and explain(design, run) == "Pool_0"
