"""Networks of CIFAR-10's size with random weights: the whole flow, at full size (slow) and with a sixteenth of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import build

CONFIGS = Path(__file__).parents[1] / "configs" / "full_size"
NETWORKS = ("cnv_cifar", "mobilenetv1_cifar", "resnet18_cifar")
CLOCK_HZ, FPS = 100_000_000, 100


def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def test_every_full_size_configuration_is_built_somewhere() -> None:
    assert {p.stem for p in CONFIGS.glob("*.yaml")} == set(NETWORKS)


def test_a_thin_network_goes_to_its_fifos_untrained(tmp_path: Path) -> None:
    """Of its test split four frames are vectors: what is right of four says nothing of the whole split's accuracy."""
    code = build.main([
        "run", str(CONFIGS / "cnv_cifar.yaml"), "-o", str(tmp_path), "--set", "train.width=0.0625", "--set",
        "train.image_size=16", "--set", "train.pool_after=[2]", "--set", "train.channels=[64, 64, 128]", "--set",
        "stop_step=fifos",
    ])  # fmt: skip
    assert code == 0
    training = read(tmp_path / "train" / "training.json")
    assert training["test_frames"] > training["vector_frames"] == 4
    assert read(tmp_path / "verification_output" / "brevitas_vs_golden.json")["frames"] == 4
    sizing = read(tmp_path / "report" / "fifo_depths.json")
    assert sizing["source"] == "cycle model" and sizing["interval_cycles"] <= CLOCK_HZ / FPS


@pytest.mark.slow
@pytest.mark.timeout(5400)
@pytest.mark.parametrize("name", NETWORKS)
def test_full_size_equals_golden_stitched_at_the_rate_asked_for(name: str, tmp_path: Path) -> None:
    code = build.main(["run", str(CONFIGS / f"{name}.yaml"), "-o", str(tmp_path)])
    assert code == 0
    found = read(tmp_path / "verification_output" / "rtl_stitched.json")
    assert found["mismatches"] == 0 and found["frames"] >= 1
    sizing = read(tmp_path / "report" / "fifo_depths.json")
    assert sizing["interval_cycles"] <= CLOCK_HZ / FPS
    assert found["performance"]["latency_cycles"] == sizing["latency_cycles"]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_resnet18_does_not_fit_the_zcu104_and_is_told_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = build.main(["run", str(CONFIGS / "resnet18_cifar.yaml"), "-o", str(tmp_path), "--set", "board=zcu104"])
    error = " ".join(capsys.readouterr().err.split())
    assert code == 2
    assert "do not fit xczu7ev" in error and "too many" in error and "no rate fits" in error
