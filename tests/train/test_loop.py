"""The loop's parts: choice of the checkpoint, early stop, schedules, several processes, autocast, augmentation."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from a2qplus_train.augment import augmented, cropped, resized_crop, shifted, turned
from a2qplus_train.config import TrainConfig
from a2qplus_train.data import Data, Split, load
from a2qplus_train.devices import Place, keep_float32, place_of
from a2qplus_train.loop import Best, Loop, Phase, forward
from a2qplus_train.models import build_float, build_quantized
from a2qplus_train.norms import settle
from a2qplus_train.start import start_as_interpolation
from a2qplus_train.tasks import task_of
from a2qplus_train.trainer import fit, reproducible
from flows.errors import ConfigError

ESPCN = TrainConfig(dataset="photos", model="espcn", channels=(12, 12), image_size=8, accumulator_bits=12, epochs=1)


def test_the_best_late_epoch_is_kept() -> None:
    model, best = nn.Linear(1, 1), Best()
    for value, loss, late in ((1.0, 0.1, False), (2.0, 0.5, True), (3.0, 0.4, True), (4.0, 0.6, True)):
        nn.init.constant_(model.weight, value)
        best.look(loss, model, late)
    assert float(best.state["weight"]) == 3.0 and best.loss == 0.4 and best.age == 1


def test_early_stop_ends_a_run_that_no_longer_improves(short_config: TrainConfig) -> None:
    """A learning rate of almost nothing never improves the loss by chance for long."""
    config = short_config.model_copy(update={"float_epochs": 40, "patience": 2, "float_learning_rate": 3.0})
    loop = Loop(config, load(config), torch.Generator().manual_seed(0))
    with reproducible(0):
        loop.run(Phase("float", 40, config.float_learning_rate), build_float(config))
    losses = [record["validation_loss"] for record in loop.history]
    assert 2 < len(losses) < 40
    assert losses.index(min(losses)) == len(losses) - 3


@pytest.mark.parametrize("schedule", ["one_cycle", "cosine", "constant"])
def test_every_schedule_trains_every_step(schedule: str, short_config: TrainConfig) -> None:
    config = short_config.model_copy(update={"schedule": schedule})
    model = build_float(config)
    loop = Loop(config, load(config), torch.Generator().manual_seed(0))
    before = loop.evaluate(model, loop.data.validation)[0]
    with reproducible(0):
        loop.run(Phase("float", 3, 1e-2), model)
    assert min(record["validation_loss"] for record in loop.history) < before


def test_a_batch_larger_than_the_split_is_refused(short_config: TrainConfig) -> None:
    config = short_config.model_copy(update={"batch_size": 4000})
    with pytest.raises(ConfigError, match="batch_size 4000 is larger than the 1077 training images"):
        Loop(config, load(config), torch.Generator())


def test_a_gpu_that_is_not_there_is_refused(short_config: TrainConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="finds no GPU"), place_of(short_config.model_copy(update={"device": "cuda"})):
        pass
    with place_of(short_config) as place:
        assert place == Place(torch.device("cpu"))


@pytest.mark.slow
def test_two_processes_end_with_the_same_weights(short_config: TrainConfig, tmp_path: Path) -> None:
    """As torchrun starts them; only the first writes."""
    code = (
        "import os, sys, pathlib, torch\n"
        "from a2qplus_train import trainer; from a2qplus_train.config import TrainConfig\n"
        "config, out = TrainConfig.model_validate_json(sys.argv[1]), pathlib.Path(sys.argv[2])\n"
        "fit = trainer.fit\n"
        "def spy(*a):\n"
        "    run = fit(*a)\n"
        "    torch.save(run.quantized.state_dict(), out.with_name(f'rank{os.environ[\"RANK\"]}.pt'))\n"
        "    return run\n"
        "trainer.fit = spy\n"
        "trainer.train(config, out)"
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2"}
    command = [sys.executable, "-c", code, short_config.model_dump_json(), str(tmp_path / "out")]
    processes = [
        subprocess.Popen(command, env={**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)}) for rank in range(2)
    ]
    assert [process.wait(timeout=300) for process in processes] == [0, 0]
    first, second = (torch.load(tmp_path / f"rank{rank}.pt", weights_only=True) for rank in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "rank0.pt", "rank1.pt"]


def test_a_shard_is_every_so_many_th_image() -> None:
    batch = torch.arange(6)
    shards = [Place(torch.device("cpu"), rank, 2).shard(batch).tolist() for rank in range(2)]
    assert shards == [[0, 2, 4], [1, 3, 5]]


def test_quantizers_see_float32_under_autocast(short_config: TrainConfig) -> None:
    model = build_quantized(short_config)
    keep_float32(model)
    seen, convolved = [], []
    for module in model.modules():
        if type(module).__name__ in ("QuantReLU", "BatchNorm2d"):
            module.register_forward_pre_hook(lambda _m, args: seen.append(args[0].dtype))
        if type(module).__name__ == "QuantConv2d":
            module.register_forward_hook(lambda _m, _a, out: convolved.append(out.dtype))
    images = torch.rand(4, *short_config.image_shape)
    with Place(torch.device("cpu"), amp=True).autocast():
        model(images)
    assert set(convolved) == {torch.bfloat16}, "the test needs a convolution that autocast has narrowed"
    assert set(seen) == {torch.float32}


def test_autocast_trains(short_config: TrainConfig) -> None:
    config = short_config.model_copy(update={"amp": True, "float_epochs": 1, "epochs": 1})
    with reproducible(0):
        run = fit(config, load(config), place=Place(torch.device("cpu"), amp=True))
    assert len(run.history) == 2 and all(np.isfinite(record["loss"]) for record in run.history)


def test_settled_norms_change_no_output() -> None:
    model = build_float(ESPCN)
    images = torch.rand(8, 3, 8, 8)
    before = forward(model, images.numpy(), torch.device("cpu"))
    settle(model, images)
    np.testing.assert_allclose(forward(model, images.numpy(), torch.device("cpu")), before, atol=1e-5)
    norm = next(m for m in model.modules() if isinstance(m, nn.BatchNorm2d))
    assert not torch.equal(norm.running_mean, torch.zeros_like(norm.running_mean))


def test_held_norms_keep_their_statistics() -> None:
    data = load(ESPCN)
    small = Data(*(Split(s.images[:64], s.labels[:64], s.pictures[:64]) for s in (data.train, data.validation)), None)
    loop = Loop(ESPCN, small, torch.Generator().manual_seed(0))
    model = build_float(ESPCN)
    settle(model, loop.sample())
    norm = next(m for m in model.modules() if isinstance(m, nn.BatchNorm2d))
    before, slope = norm.running_mean.clone(), norm.weight.detach().clone()
    loop.run(Phase("float", 1, 1e-3), model)
    assert torch.equal(norm.running_mean, before) and not torch.equal(norm.weight, slope)


@pytest.mark.parametrize("model", ["espcn", "espcn_nn"])
def test_espcn_starts_as_an_interpolation(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the random weights it is nearest-neighbour interpolation, where no ReLU cuts a staggered copy."""
    monkeypatch.setattr("a2qplus_train.start.NOISE", 0.0)
    network = build_float(ESPCN.model_copy(update={"model": model}))
    start_as_interpolation(network)
    images = (0.1 + 0.8 * np.random.default_rng(0).random((2, 3, 8, 8))).astype(np.float32)
    expected = images.repeat(2, axis=2).repeat(2, axis=3)
    np.testing.assert_allclose(forward(network, images, torch.device("cpu")), expected, atol=2e-5)
    hidden = network.get_submodule(network.plan[1].name).weight
    assert float(hidden.sum(dim=(1, 2, 3)).abs().max()) < 1e-6, "zero-centring takes nothing away"


def test_other_networks_start_as_they_are(short_config: TrainConfig) -> None:
    network = build_float(short_config)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    start_as_interpolation(network)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_image_losses_are_what_they_are_called() -> None:
    outputs, targets = torch.tensor([[0.0, 1.0]]), torch.tensor([[0.5, 0.0]])
    losses = [float(task_of(ESPCN.model_copy(update={"image_loss": n})).loss(outputs, targets)) for n in ("l1", "mse")]
    assert losses == [0.75, 0.625]


def test_shifts_move_by_whole_and_half_pixels() -> None:
    image = torch.zeros(64, 1, 8, 8)
    image[:, :, 4, 4] = 1.0
    moved = shifted(image, 1.0, torch.Generator().manual_seed(0))
    torch.testing.assert_close(moved.sum(dim=(1, 2, 3)), torch.ones(64))
    assert float(moved[:, :, 3:6, 3:6].sum()) == pytest.approx(64.0, abs=1e-3)
    assert not torch.equal(moved[0], moved[1])
    assert shifted(image, 0.0, torch.Generator()) is image


def test_images_and_targets_turn_together() -> None:
    images = torch.rand(64, 3, 8, 8)
    targets = nn.functional.interpolate(images, scale_factor=2)
    turned_images, turned_targets = augmented(ESPCN, images, targets, torch.Generator().manual_seed(0))
    assert torch.equal(nn.functional.interpolate(turned_images, scale_factor=2), turned_targets)
    assert not torch.equal(turned_images, images)
    every = torch.tensor([[(n >> bit) & 1 for n in range(8)] for bit in range(3)], dtype=torch.bool)
    corner = torch.zeros(1, 3, 3)
    corner[0, 0, 1] = 1.0
    shapes = turned(corner.expand(8, 1, 3, 3), every).flatten(1)
    assert len({tuple(row.tolist()) for row in shapes}) == 4, "the corner's neighbour is symmetric in one way only"


def test_crops_are_parts_of_the_padded_image() -> None:
    images = torch.rand(32, 3, 16, 16)
    padded = nn.functional.pad(images, (4, 4, 4, 4))
    found = cropped(images, torch.Generator().manual_seed(0))
    places = [(top, left) for top in range(9) for left in range(9)]
    chosen = [
        next(p for p in places if torch.equal(padded[n, :, p[0] : p[0] + 16, p[1] : p[1] + 16], found[n]))
        for n in range(32)
    ]
    assert len(set(chosen)) > 10


def test_resized_crops_stay_inside_the_image() -> None:
    ramp = torch.linspace(0.5, 1.0, 32).expand(64, 1, 32, 32)
    found = resized_crop(ramp, torch.Generator().manual_seed(0))
    assert float(found[:, :, 2:-2, 2:-2].min()) >= 0.5 - 1e-5, "no zeros come in"
    spans = found[:, 0, 16, -3] - found[:, 0, 16, 2]
    assert float(spans.min()) < 0.2 and float(spans.max()) > 0.35
