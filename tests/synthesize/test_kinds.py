"""What LUTs are for: parts of a folded matrix-vector product, as Yosys tells them apart, and what is known of them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from flows.design import Design, Fold, Instance, Stream
from flows.graph import MVAU, Graph, IntArray, IntType, Tensor, by_name
from flows.kernels import mvau
from flows.synthesize.jobs import Job, instance_job, rtl_modules
from flows.synthesize.kinds import KINDS, SPLIT, WHOLE, kind_of, selections, split_job
from flows.synthesize.yosys import by_kind

UINT4, INT4 = IntType(4, False), IntType(4, True)
ACC_BITS = 11


def job(weights: IntArray, fold: Fold) -> tuple[Job, str]:
    mw, mh = weights.shape
    x = Tensor("x", (1, 1, mw), UINT4, 0, 15)
    y = Tensor("y", (1, 1, mh), IntType(ACC_BITS, True), -1024, 1023)
    op = MVAU("MVAU_0", ("x",), ("y",), weights, INT4)
    low = mvau.lower(Graph("g", ("x",), ("y",), (op,), by_name((x, y))), op, fold, UINT4, (ACC_BITS,) * mh)
    streams = {
        "x": Stream("x", "x", UINT4, low.in_lanes, mw // low.in_lanes),
        "y": Stream("y", "y", low.out_type, low.out_lanes, mh // low.out_lanes),
    }
    instance = Instance("MVAU_0", low.module, "MVAU_0", low.params, ("x",), ("y",), 1, low.memories, low.lane_bits)
    return instance_job(Design("d", (instance,), streams, "x", "y"), instance), low.module


def test_the_parts_of_a_folded_mvau(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A2QFLOW_CACHE", str(tmp_path / "cache"))
    weights = np.random.default_rng(3).integers(-7, 8, (32, 16))
    made = [job(weights, Fold(1, 4, ram_style=style)) for style in ("distributed", "block")]
    luts, block = by_kind([split_job(*one) for one in made], "xc7", tmp_path / "work", processes=1)
    assert set(luts) <= set(KINDS) and set(luts) == set(block)
    # The sum and its reset to the first product: at least a LUT and exactly a register a bit.
    assert ACC_BITS <= luts["accumulators"]["LUT"] <= 2 * ACC_BITS and luts["accumulators"]["FF"] == ACC_BITS
    # 128 words of 16 bits: two LUT6 a bit, and a multiplexer behind them; or a block RAM and nothing else.
    assert luts["memories"]["LUT"] >= 32 and luts["memories"]["BRAM_18K"] == 0
    assert block["memories"]["BRAM_18K"] == 1 and block["memories"]["LUT"] == 0
    # 8 beats of 16 bits that are read again for every output.
    assert luts["buffers"]["LUTRAM"] == luts["buffers"]["LUT"] > 0
    # Four weight bits select from four inputs each, sums of 6 bits; three adders join them, all but the low bits.
    assert luts["multipliers"]["LUT"] >= 4 * 5 and luts["other"]["LUT"] > 0
    assert 3 * 4 <= luts["adders"]["LUT"] <= 3 * 9 and luts["adders"]["FF"] >= 9
    for kind in ("multipliers", "adders", "accumulators", "buffers"):
        assert luts[kind] == block[kind], "only the memory of weights is another"


def test_every_module_has_a_kind_and_the_parts_are_there() -> None:
    modules = rtl_modules()
    assert {*WHOLE, *SPLIT} <= set(modules)
    assert {kind_of(name) for name in modules} == {*KINDS[1:2], "thresholds", "buffers", "other", None}
    for module in SPLIT:
        chosen = selections(module)
        assert all(chosen.values()) and set(chosen) < set(KINDS)
        for selection in (s for many in chosen.values() for s in many if s.startswith("a:src=")):
            file, line, *_ = selection.removeprefix("a:src=").split(":")
            text = modules[file.removesuffix(".sv")].splitlines()
            assert line == "*" or 0 < int(line.removesuffix(".*")) <= len(text)


def test_kinds_are_part_of_what_is_remembered() -> None:
    from flows.synthesize import cache

    one, module = job(np.eye(4, dtype=np.int64), Fold(1, 1))
    keys = {cache.key(j, "xc7", "1", ()) for j in (one, split_job(one, module), replace(one, kinds={"adders": ("*",)}))}
    assert len(keys) == 3
