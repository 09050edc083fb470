"""The estimate against what Yosys 0.6x gave (`synth_xilinx`, xc7, per instance) for modules of the example designs."""

from __future__ import annotations

import pytest

from flows.cost import Cost, added, cost, link
from flows.design import Bits, Param


def w4a4(mw: int, mh: int, pe: int, simd: int, acc: int) -> dict[str, Param]:
    shape = {"MW": mw, "MH": mh, "PE": pe, "SIMD": simd, "WEIGHT_BITS": 4, "INPUT_BITS": 4}
    return {**shape, "ACC_BITS": Bits.of_bytes((acc,) * pe)}


def dsp(bits: int, mw: int, mh: int, pe: int, simd: int, acc: int, inside: int, per_dsp: int, chain: int):
    """An MVAU with DSPs whose weights and unsigned inputs have `bits` bits."""
    packed = {"DSP_PE": inside, "PER_DSP": per_dsp, "CHAIN": chain, "NARROW": 1, "INPUT_SIGNED": 0}
    return {**w4a4(mw, mh, pe, simd, acc), **packed, "WEIGHT_BITS": bits, "INPUT_BITS": bits}


YOSYS: list[tuple[str, dict[str, Param], int, int]] = [
    ("mvau", w4a4(144, 16, 1, 24, 11), 925, 0),
    ("mvau", w4a4(72, 16, 2, 24, 11), 1091, 0),
    ("mvau", w4a4(144, 16, 1, 12, 13), 478, 0),
    ("mvau", w4a4(144, 8, 1, 6, 13), 265, 0),
    ("mvau", w4a4(64, 64, 1, 4, 11), 110, 1),
    ("mvau", w4a4(64, 10, 1, 1, 11), 106, 0),
    ("mvau", w4a4(144, 24, 1, 1, 14), 92, 1),
    ("mvau", w4a4(144, 24, 1, 8, 14), 208, 1),
    ("mvau", w4a4(144, 24, 1, 6, 14), 488, 0),
    ("mvau", w4a4(144, 24, 1, 18, 14), 700, 0),
    ("mvau", w4a4(144, 24, 2, 9, 14), 697, 0),
    ("mvau", w4a4(144, 24, 3, 9, 14), 772, 0),
    ("mvau", w4a4(180, 10, 1, 1, 14), 246, 0),
    ("mvau", w4a4(72, 16, 1, 1, 13), 174, 0),
    ("mvau", w4a4(48, 36, 1, 3, 13), 251, 0),
    ("mvau", w4a4(108, 20, 1, 3, 13), 119, 1),
    ("mvau_dsp", dsp(4, 72, 16, 2, 4, 12, 2, 2, 4), 204, 0),
    ("mvau_dsp", dsp(4, 144, 16, 4, 8, 13, 3, 3, 8), 538, 0),
    ("mvau_dsp", dsp(4, 144, 32, 8, 16, 13, 6, 3, 8), 1370, 0),
    ("mvau_dsp", dsp(4, 288, 32, 4, 32, 14, 3, 3, 8), 2472, 0),
    ("mvau_dsp", dsp(8, 27, 8, 2, 3, 19, 2, 2, 3), 147, 0),
    ("mvau_dsp", dsp(8, 72, 16, 4, 4, 20, 4, 2, 4), 433, 0),
    ("mvau_dsp", dsp(8, 144, 32, 4, 8, 21, 4, 2, 4), 1119, 0),
    ("thresholding", {"CHANNELS": 8, "PE": 1, "INPUT_BITS": 18, "THRESHOLDS": 15, "THRESH_BITS": 16}, 98, 0),
    ("thresholding", {"CHANNELS": 64, "PE": 1, "INPUT_BITS": 21, "THRESHOLDS": 15, "THRESH_BITS": 18}, 263, 1),
    ("thresholding", {"CHANNELS": 64, "PE": 1, "INPUT_BITS": 11, "THRESHOLDS": 15, "THRESH_BITS": 9}, 229, 0),
    ("swg", {"WIDTH": 4, "DEPTH": 2144}, 114, 1),
    ("swg", {"WIDTH": 4, "DEPTH": 304}, 123, 0),
    ("swg", {"WIDTH": 4, "DEPTH": 256}, 79, 0),
    ("swg", {"WIDTH": 4, "DEPTH": 176}, 90, 0),
    ("fifo", {"WIDTH": 32, "DEPTH": 2}, 31, 0),
    ("fifo", {"WIDTH": 48, "DEPTH": 15}, 47, 0),
    ("fifo", {"WIDTH": 8, "DEPTH": 2162}, 42, 2),
    ("dwc", {"IN_WIDTH": 168, "OUT_WIDTH": 21}, 153, 0),
    ("dwc", {"IN_WIDTH": 4, "OUT_WIDTH": 48}, 7, 0),
    ("fmpadding", {"WIDTH": 4}, 20, 0),
    ("pool", {"PE": 1, "OUT_BITS": 4}, 10, 0),
    ("add", {"PE": 1, "OUT_BITS": 10}, 13, 0),
]  # fmt: skip


@pytest.mark.parametrize(("module", "params", "lut", "bram"), YOSYS)
def test_an_instance_is_estimated_to_within_a_third(module: str, params: dict[str, Param], lut: int, bram: int) -> None:
    found = cost(module, params)
    assert abs(found.lut - lut) <= max(12, 0.36 * lut) and found.bram == bram


def test_the_sum_is_estimated_to_within_a_tenth() -> None:
    total = added(cost(module, params) for module, params, _, _ in YOSYS)
    assert total.lut == pytest.approx(sum(lut for _, _, lut, _ in YOSYS), rel=0.1)


def test_links_cost_what_stands_between_two_streams() -> None:
    straight, narrower, odd = (link(4, lanes, 8, bursts=False) for lanes in (4, 2, 6))
    assert straight.lut == cost("fifo", {"WIDTH": 32, "DEPTH": 2}).lut
    assert (
        narrower.lut == cost("fifo", {"WIDTH": 16, "DEPTH": 2}).lut + cost("dwc", {"IN_WIDTH": 32, "OUT_WIDTH": 16}).lut
    )
    wider = {bursts: link(4, 8, 8, bursts).lut for bursts in (False, True)}
    assert wider[True] - wider[False] == cost("fifo", {"WIDTH": 64, "DEPTH": 2}).lut - straight.lut
    # 4 lanes to 12, then to 6.
    assert odd.lut > narrower.lut
    assert Cost(1.0, 1).price > Cost(1.0).price
