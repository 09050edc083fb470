"""A killed training goes on to the same bytes; a checkpoint of something else is no checkpoint."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from a2qplus_train.checkpoint import Checkpoint
from a2qplus_train.config import TrainConfig
from a2qplus_train.trainer import train

CONTRACT = ("model.onnx", "vectors.npz", "training.json")


@pytest.mark.parametrize(("phase", "epoch"), [("float", 1), ("float", 2), ("quantized", 1), ("quantized", 2)])
def test_an_interrupted_run_ends_with_the_same_bytes(
    phase: str, epoch: int, trained: Path, short_config: TrainConfig, tmp_path: Path
) -> None:
    def interrupt(*told: object) -> None:
        if told[:2] == (phase, epoch):
            raise KeyboardInterrupt

    out, seen = tmp_path / "out", []
    with pytest.raises(KeyboardInterrupt):
        train(short_config, out, interrupt)
    assert not out.exists() and (tmp_path / ".out.resume.pt").is_file()
    train(short_config, out, lambda *told: seen.append(told[:2]))
    every = [("float", 1), ("float", 2), ("quantized", 1), ("quantized", 2)]
    assert seen == every[every.index((phase, epoch)) + 1 :], "no finished epoch is trained again"
    for name in CONTRACT:
        assert (out / name).read_bytes() == (trained / name).read_bytes(), name
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


@pytest.mark.slow
def test_a_killed_process_leaves_no_output_and_a_usable_checkpoint(
    trained: Path, short_config: TrainConfig, tmp_path: Path
) -> None:
    code = (
        "import os, signal, sys, pathlib\n"
        "from a2qplus_train.config import TrainConfig; from a2qplus_train.trainer import train\n"
        "kill = lambda phase, epoch, *_: phase == 'quantized' and os.kill(os.getpid(), signal.SIGKILL)\n"
        "train(TrainConfig.model_validate_json(sys.argv[1]), pathlib.Path(sys.argv[2]), kill)"
    )
    out = tmp_path / "out"
    killed = subprocess.run([sys.executable, "-c", code, short_config.model_dump_json(), str(out)], check=False)
    assert killed.returncode == -signal.SIGKILL and not out.exists()
    seen = []
    train(short_config, out, lambda *told: seen.append(told[:2]))
    assert seen == [("quantized", 2)]
    for name in CONTRACT:
        assert (out / name).read_bytes() == (trained / name).read_bytes(), name


def test_another_configuration_or_a_broken_file_starts_anew(short_config: TrainConfig, tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    checkpoint = Checkpoint(path, short_config)
    checkpoint.save({"phase": "float"})
    assert checkpoint.load()["phase"] == "float"
    assert Checkpoint(path, short_config.model_copy(update={"seed": 9})).load() is None
    path.write_bytes(path.read_bytes()[:100])
    assert checkpoint.load() is None
    path.write_text("text")
    assert checkpoint.load() is None
    checkpoint.remove()
    assert checkpoint.load() is None and not path.exists()


def test_loading_puts_the_random_numbers_back(short_config: TrainConfig, tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "state.pt", short_config)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        checkpoint.save({"phase": "float"})
        expected = torch.rand(3)
        torch.rand(100)
        checkpoint.load()
        assert torch.equal(torch.rand(3), expected)
