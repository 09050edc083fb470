"""The example designs with branches, pixels that move, and one or two bits: trained, built, cosimulated bit by bit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import build
from tests.sizing import check_rate_and_fifos

CONFIGS = Path(__file__).parents[1] / "configs"
DESIGNS = (
    "mobilenetv1_digits", "resnet18_digits", "espcn_photos", "espcn_nn_photos", "unet_photos", "cnv_w1a1_digits",
    "cnv_w2a2_digits", "tfc_w1a1_digits",
)  # fmt: skip
RATES = ("digits_cnn_streaming", "digits_cnn_folded")
"""The digits CNN as fast as it can be, and small: microarchitectures that RTL alone has."""
FRAMES = 8


def test_every_example_is_built_somewhere() -> None:
    """digits_cnn and digits_mlp are what `make demo` and the README run."""
    assert {p.stem for p in CONFIGS.glob("*.yaml")} == {*DESIGNS, *RATES, "digits_cnn", "digits_mlp"}


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", [*DESIGNS, *RATES])
def test_design_equals_brevitas_layer_by_layer_and_stitched(name: str, tmp_path: Path) -> None:
    hls = name in DESIGNS
    code = build.main([
        "run", str(CONFIGS / f"{name}.yaml"), "-o", str(tmp_path), "--set", f"verify_frames={FRAMES}",
        "--set", f"backend={'both' if hls else 'rtl'}", "--set", f"stop_step={'hls_top' if hls else 'rtl_stitched'}",
    ])  # fmt: skip
    assert code == 0
    steps = ["brevitas_vs_golden", "rtl_layers", "rtl_stitched", *(("hls_layers", "hls_top") if hls else ())]
    for step in steps:
        found = json.loads((tmp_path / "verification_output" / f"{step}.json").read_text())
        assert found["mismatches"] == 0 and found["frames"] >= FRAMES, step
    check_rate_and_fifos(CONFIGS / f"{name}.yaml", tmp_path)
