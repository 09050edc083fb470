"""The whole network in HLS: equal to golden on every stream, sized streams that do not stand still, planted faults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from flows import fifos
from flows.design import Design
from flows.emit.hls import Hls, emit_files, twins
from flows.emit.hls.top import SPARE, TOP, Channel
from flows.errors import ToolFailed, UnsupportedModel, VerificationFailed
from flows.golden import evaluate
from flows.graph import IntArray
from flows.simulate.cosim import encode
from flows.simulate.hls import compile_program, run_program, verify_top
from tests import branches
from tests.random_graphs import Network, network

FRAMES = 4


def sized(n: Network) -> Design:
    """With the depths that the RTL gets."""
    return n.design(fifos.size(n.design, {}).depths)


def verify(n: Network, design: Design, hls: Hls, golden: Mapping[str, IntArray], folder: Path) -> None:
    assert hls.top is not None
    program = compile_program(emit_files(hls.layers, hls.top), folder / "program", optimize=("-O0",))
    found = verify_top(design, n.graph, golden, program, hls.top, folder / "run", frames=FRAMES)
    assert found == {"frames": FRAMES, "mismatches": 0, "streams": [c.name for c in hls.top.channels]}


def golden_of(n: Network) -> dict[str, IntArray]:
    return evaluate(n.graph, {"x": n.frames})


def test_a_network_with_branches_equals_golden_with_the_depths_of_rtl(tmp_path: Path) -> None:
    n = branches.three()
    design = sized(n)
    hls = twins(design, n.graph)
    verify(n, design, hls, golden_of(n), tmp_path)
    assert hls.top is not None
    depths = {c.name: c.depth for c in hls.top.channels}
    rtl = {i.name: int(i.params["DEPTH"]) for i in design.instances if i.module == "fifo"}  # type: ignore[arg-type]
    assert all(depths[name] in (rtl[name], *range(rtl[name] + SPARE, 10**6)) for name in rtl)
    assert any(depths[name] > rtl[name] for name in rtl) and any(depths[name] == rtl[name] for name in rtl)
    check_that_a_wrong_integer_names_the_layer(n, design, hls, tmp_path)


def check_that_a_wrong_integer_names_the_layer(n: Network, design: Design, hls: Hls, folder: Path) -> None:
    """Golden is changed in place of the program, whose first stream that differs is that of the layer."""
    golden, op = golden_of(n), next(op for op in n.graph.ops if op.kind == "Thresholding")
    wrong = np.array(golden[op.outputs[0]])
    wrong[1, 2, 3, 1] += 1
    assert hls.top is not None
    with pytest.raises(VerificationFailed, match=rf"{op.name}: .*frame 1, index \(2, 3, 1\)"):
        verify_top(
            design, n.graph, {**golden, op.outputs[0]: wrong}, folder / "program" / "simulation", hls.top,
            folder / "wrong", frames=FRAMES,
        )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", ["residual", "unet", "nested", "squeezed", "chain", "strided"])
def test_other_branches(name: str, tmp_path: Path) -> None:
    n = getattr(branches, name)()
    design = sized(n)
    verify(n, design, twins(design, n.graph), golden_of(n), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(20))
def test_random_networks_with_the_depths_of_rtl(number: int, tmp_path: Path) -> None:
    n = network(number).without_whole_windows
    design = sized(n)
    verify(n, design, twins(design, n.graph), golden_of(n), tmp_path)


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> tuple[Network, Design, Hls, Path]:
    """A skip with a FIFO of two entries beside three convolutions; and a top that leaves a beat behind."""
    n = branches.residual()
    design = n.design({})
    hls = twins(design, n.graph)
    assert hls.top is not None
    channels = tuple(replace(c, depth=2) for c in hls.top.channels)
    last = hls.top.calls[-1]
    short = replace(last, function=f"to_axis<{hls.top.out_bits}, {hls.top.out_beats - 1}>")
    hls = replace(hls, top=replace(hls.top, channels=channels, calls=(*hls.top.calls[:-1], short)))
    folder = tmp_path_factory.mktemp("faulty")
    return n, design, hls, compile_program(emit_files(hls.layers, hls.top), folder, optimize=("-O0",))


def test_beats_that_are_left_in_a_stream_are_an_error(faulty, tmp_path: Path) -> None:
    n, design, hls, program = faulty
    last = hls.top.channels[-1].name
    with pytest.raises(ToolFailed, match=rf"status 4(.|\n)*1 beats are left in the stream '{last}'"):
        verify_top(design, n.graph, golden_of(n), program, hls.top, tmp_path, frames=1)


def test_a_stream_that_is_too_shallow_is_named(faulty, tmp_path: Path) -> None:
    """The skip is full, so the duplicator gives the convolutions no more, and the addition waits for them."""
    n, design, hls, program = faulty
    source, sink = design.streams[design.input], design.streams[design.output]
    with pytest.raises(ToolFailed, match="status 6") as caught:
        run_program(program, f"{TOP}_sized", [encode(n.frames, source)], tmp_path, [sink.bits])
    readers = {s: i.name for i in design.instances for s in i.inputs}
    skip = next(c for c in hls.top.channels if any(readers.get(s, "").startswith("StreamingData") for s in c.streams))
    assert f"DuplicateStreams_0 waits: the stream '{skip.name}' never drains" in str(caught.value)


def test_a_layer_without_a_twin_is_refused_or_left_to_rtl() -> None:
    n = branches.chain()
    design = n.design({})
    instances = tuple(replace(i, module="mvau_const") if i.module == "mvau" else i for i in design.instances)
    design = replace(design, instances=instances)
    with pytest.raises(UnsupportedModel, match=r"MVAU_0 .*hls_fallback: rtl"):
        twins(design, n.graph)
    found = twins(design, n.graph, fallback=True)
    assert found.missing == ("MVAU_0",) and found.top is None
    assert [layer.name for layer in found.layers] == [i.name for i in instances if i.op and i.name != "MVAU_0"]


@pytest.mark.parametrize(("depth", "storage"), [(2, None), (3, "srl"), (128, "srl"), (129, "bram")])
def test_deep_streams_are_memories(depth: int, storage: str | None) -> None:
    assert Channel("s", 8, depth, ("s",)).storage == storage
