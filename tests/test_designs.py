"""The example designs with branches, pixels that move, and one or two bits: trained, built, cosimulated bit by bit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import build

CONFIGS = Path(__file__).parents[1] / "configs"
DESIGNS = (
    "mobilenetv1_digits", "resnet18_digits", "espcn_photos", "espcn_nn_photos", "unet_photos", "cnv_w1a1_digits",
    "cnv_w2a2_digits", "tfc_w1a1_digits",
)  # fmt: skip
FRAMES = 8


def test_every_example_is_built_somewhere() -> None:
    """digits_cnn and digits_mlp are what `make demo` and the README run."""
    assert {p.stem for p in CONFIGS.glob("*.yaml")} == {*DESIGNS, "digits_cnn", "digits_mlp"}


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", DESIGNS)
def test_design_equals_brevitas_layer_by_layer_and_stitched(name: str, tmp_path: Path) -> None:
    code = build.main([
        "run", str(CONFIGS / f"{name}.yaml"), "-o", str(tmp_path), "--set", f"verify_frames={FRAMES}",
        "--set", "backend=both", "--set", "stop_step=hls_top",
    ])  # fmt: skip
    assert code == 0
    for step in ("brevitas_vs_golden", "rtl_layers", "rtl_stitched", "hls_layers", "hls_top"):
        found = json.loads((tmp_path / "verification_output" / f"{step}.json").read_text())
        assert found["mismatches"] == 0 and found["frames"] >= FRAMES, step
