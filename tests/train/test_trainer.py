"""The training stage as a whole: reproducible, atomic, silent, and good enough."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from a2qplus_train import trainer
from a2qplus_train.config import TrainConfig
from a2qplus_train.data import load
from a2qplus_train.quantizers import aware_quantizers, penalty
from a2qplus_train.trainer import fit, reproducible, train
from flows.errors import ConfigError, VerificationFailed

CONTRACT = ("model.onnx", "vectors.npz", "training.json")


def test_a_second_run_gives_the_same_bytes(trained: Path, short_config: TrainConfig, tmp_path: Path) -> None:
    """In another process with other hash seeds and thread counts, and into another folder."""
    code = (
        "import sys, pathlib, torch; torch.set_num_threads(2)\n"
        "from a2qplus_train.config import TrainConfig; from a2qplus_train.trainer import train\n"
        "train(TrainConfig.model_validate_json(sys.argv[1]), pathlib.Path(sys.argv[2]))"
    )
    again = tmp_path / "deep" / "again"
    environment = {"PYTHONHASHSEED": "77", "OMP_NUM_THREADS": "2", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", code, short_config.model_dump_json(), str(again)],
        check=True, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout == "", "a library does not print"
    for name in CONTRACT:
        assert (again / name).read_bytes() == (trained / name).read_bytes(), name


def test_another_seed_gives_other_weights(short_config: TrainConfig) -> None:
    data = load(short_config)
    config = short_config.model_copy(update={"float_epochs": 0, "epochs": 0})
    weights = []
    for seed in (0, 1):
        with reproducible(seed):
            weights.append(fit(config, data).float_model.state_dict()["conv1.weight"])
    assert not torch.equal(*weights)


def test_training_never_sees_the_test_split(short_config: TrainConfig) -> None:
    blind = replace(load(short_config), test=None)
    with reproducible(0):
        fit(short_config.model_copy(update={"float_epochs": 1, "epochs": 1}), blind)


def test_splits_are_disjoint_stratified_and_fixed() -> None:
    data = load(TrainConfig())
    assert len(data.test) == 540
    assert len(data.train) + len(data.validation) + len(data.test) == 1797
    for split in (data.train, data.validation, data.test):
        shares = torch.bincount(torch.from_numpy(split.labels)) / len(split)
        assert float((shares - 0.1).abs().max()) < 0.02
    assert (load(TrainConfig(seed=5)).test.labels == data.test.labels).all(), "the seed of a run moves no split"


def test_progress_tells_every_epoch(short_config: TrainConfig, tmp_path: Path) -> None:
    seen = []
    train(short_config, tmp_path / "out", lambda *args: seen.append(args))
    assert [(phase, epoch, epochs) for phase, epoch, epochs, _ in seen] == [
        ("float", 1, 2), ("float", 2, 2), ("quantized", 1, 2), ("quantized", 2, 2),
    ]  # fmt: skip
    assert set(seen[0][3]) == {"loss", "validation_accuracy", "validation_loss"}
    history = json.loads((tmp_path / "out" / "training.json").read_text())["history"]
    assert len(history) == 4


def test_a_failure_leaves_nothing_and_keeps_the_old(
    short_config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise VerificationFailed("planted")

    out = tmp_path / "out"
    out.mkdir()
    (out / "old").write_text("old")
    monkeypatch.setattr(trainer, "export", fail)
    config = short_config.model_copy(update={"float_epochs": 0, "epochs": 0})
    with pytest.raises(VerificationFailed):
        train(config, out)
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    assert (out / "old").read_text() == "old"


def test_an_older_folder_is_replaced(short_config: TrainConfig, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "old").write_text("old")
    train(short_config.model_copy(update={"float_epochs": 0, "epochs": 0}), out)
    assert sorted(p.name for p in out.iterdir()) == sorted([*CONTRACT, "float.pt", "quantized.pt"])
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_an_output_folder_that_is_a_file(short_config: TrainConfig, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="is a file"):
        train(short_config, tmp_path / "file")
    with pytest.raises(ConfigError, match="cannot write"):
        train(short_config, tmp_path / "file" / "below")


def test_reproducible_puts_torch_back() -> None:
    threads, state = torch.get_num_threads(), torch.random.get_rng_state()
    with reproducible(3):
        torch.rand(5)
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.equal(torch.random.get_rng_state(), state)


def test_penalty_counts_only_what_is_over_the_budget(short_config: TrainConfig) -> None:
    from a2qplus_train.models import build_quantized

    model = build_quantized(short_config)
    with torch.no_grad():
        for core in aware_quantizers(model).values():
            core.log_norm.copy_(core.log_scale + torch.log2(torch.tensor(float(core.budget(4, False)))) - 0.01)
    assert float(penalty(model)) == 0.0
    with torch.no_grad():
        core = aware_quantizers(model)["conv2"]
        core.log_norm[0] = core.log_scale.flatten()[0] + torch.log2(torch.tensor(2 * float(core.budget(4, False))))
    expected = float(core.budget(4, False)) * float(core.scale().flatten()[0])
    assert float(penalty(model)) == pytest.approx(expected, rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["cnn", "mlp"])
@pytest.mark.parametrize("seed", [0, 1])
def test_default_networks_reach_their_numbers(model: str, seed: int, tmp_path: Path) -> None:
    config = TrainConfig(model=model, seed=seed, constrain_last=True, last_layer_weight_bits=4)
    train(config, tmp_path / "out")
    about = json.loads((tmp_path / "out" / "training.json").read_text())
    assert about["float_metric"] >= 98.0
    assert about["quant_metric"] >= about["float_metric"] - 1.0
