"""Rows and verdicts of `narrow_hardware`, from summaries that are made up; and that its configurations are right."""

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from benchmarks import narrow_hardware, narrow_hardware_cnv, narrow_hardware_espcn
from benchmarks._narrow import FRAMES, QAT, Built, Study, Variant, _build_config, _training_config
from benchmarks._narrow_rows import result, rows_of
from flows.errors import VerificationFailed

LAYERS = {
    "MVAU_0": "mvau_const",
    "FIFO_0": "fifo",
    "MVAU_1": "mvau",
    "Thresholding_1": "thresholding",
    "MVAU_2": "mvau",
}
STUDY = Study(
    "made up", (Variant("one", "digits_cnn_folded.yaml", ("fixed-32", "exact"), 1000),), (8, 9),
    narrow_hardware.keeps, "that is good",
)  # fmt: skip


def counts(lut: int, bram: int = 0) -> dict[str, int]:
    return {"LUT": lut, "LUTRAM": 0, "SRL": 0, "FF": lut, "CARRY": 0, "BRAM_18K": bram, "URAM": 0, "DSP": 0}


def built(point: str, accuracy: float, policies: dict[str, list[int]], **changed: Any) -> Built:
    """One build: `policies` gives the LUTs of LAYERS in order."""
    compared = [
        {
            "policy": policy, "bits": {"MVAU_1": 9}, "total": counts(sum(luts), 1),
            "layers": {name: counts(lut) for name, lut in zip(LAYERS, luts, strict=True)},
        }
        for policy, luts in policies.items()
    ]  # fmt: skip
    summary = {
        "training": {"float_metric": 99.0, "quant_metric": accuracy},
        "layers": [{"name": name} for name in LAYERS if name.startswith("MVAU")],
        "verification": {
            "brevitas_vs_golden": {"frames": 540, "mismatches": 0},
            "rtl_stitched": {"frames": FRAMES, "mismatches": 0},
        },
        "performance": {"source": "rtlsim", "fps": 1000.0, "interval_cycles": 100.0, "clk_period_ns": 10.0},
        "resources": {"yosys": {"layers": [{"name": n, "impl": m} for n, m in LAYERS.items()]}},
        "accumulator_comparison": compared,
    }
    for key, value in changed.items():
        summary[key] |= value
    kinds = {
        policy: {"MVAU_1": {"multipliers": luts[2] - 4, "accumulators": 5}, "MVAU_2": {"adders": luts[4]}}
        for policy, luts in policies.items()
    }
    return Built("one", point, summary, kinds)


POINTS = [
    built(QAT, 99.0, {"fixed-32": [100, 10, 400, 50, 40], "exact": [100, 10, 300, 40, 40]}),
    built("a2q+ P=8", 98.0, {"exact": [100, 10, 90, 20, 40]}),
    built("a2q+ P=9", 98.02, {"exact": [100, 10, 100, 30, 40]}),
]


def test_the_smallest_point_that_is_good_enough_counts() -> None:
    value, tables = result(STUDY, POINTS)
    verdict = value["designs"]["one"]["verdict"]
    assert verdict["point"] == "a2q+ P=9", "P = 8 is smaller, but keeps less than 99 % of 99"
    assert verdict["share_of_qat"]["fixed-32"]["total"] == 280 / 600
    assert verdict["share_of_qat"]["exact"]["total"] == 280 / 490
    assert verdict["share_of_qat"]["exact"]["middle"] == 140 / 350
    assert verdict["share_of_qat"]["exact"]["BRAM and DSP no higher"] is True
    assert len(tables.renderables) == 2, "the points, and the layers of the one that counts"
    assert (
        result(STUDY, [*POINTS[:2], built("a2q+ P=9", 90.0, {"exact": [1] * 5})])[0]["designs"]["one"]["verdict"] == {}
    )


def test_kinds_leave_out_the_first_and_the_last_matrix() -> None:
    row = rows_of(POINTS[2])[0]
    kinds = row["LUT_by_kind"]
    assert (kinds["first matrix"], kinds["last matrix"], kinds["buffers"], kinds["thresholds"]) == (100, 40, 10, 30)
    assert (kinds["multipliers"], kinds["accumulators"], kinds["adders"]) == (96, 5, 0)
    assert row["LUT_of_borders"] == 1, "kinds are measured apart, and are a LUT more than the layer as a whole"


def test_a_test_split_of_few_frames_is_compared_whole() -> None:
    few = {"frames": 24, "mismatches": 0}
    one = built(QAT, 99.0, {"exact": [1] * 5}, verification={"brevitas_vs_golden": few, "rtl_stitched": few})
    assert result(STUDY, [one, *POINTS])[0]["frames"] == 24


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"verification": {"rtl_stitched": {"frames": FRAMES, "mismatches": 2}}}, "P=9: rtl_stitched: 2 mismatches"),
        ({"verification": {"rtl_stitched": {"frames": 3, "mismatches": 0}}}, "3 frames were compared"),
        ({"performance": {"fps": 999.0}}, "999 frames/s"),
        ({"performance": {"source": "estimate"}}, "estimate"),
    ],
)
def test_a_point_that_is_wrong_or_too_slow_is_no_figure(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(VerificationFailed, match=message):
        result(STUDY, [*POINTS[:2], built("a2q+ P=9", 99.0, {"exact": [1] * 5}, **changed)])


@pytest.mark.parametrize("benchmark", [narrow_hardware, narrow_hardware_cnv, narrow_hardware_espcn])
def test_configurations(benchmark: ModuleType, tmp_path: Path) -> None:
    """Every point of every design trains the same network, and is built for the rate and from the training it says."""
    for study in (benchmark.STUDY, benchmark.STUDY.less()):
        for point in study.points:
            train = _training_config(study, tmp_path, point).train
            assert train is not None and train.method == point.split()[0]
            assert train.accumulator_bits == (None if point == QAT else int(point.split("=")[1]))
            assert (train.epochs == 2) == study.reduced
            for variant in study.designs:
                config = _build_config(study, variant, tmp_path, point)
                assert config.model == (tmp_path / "trainings" / point.replace(" P=", "_P") / "train")
                assert config.target_fps is not None and config.target_fps >= variant.fps
                assert config.checks == ("rtl_stitched",) and config.verify_frames == FRAMES
