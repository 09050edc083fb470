"""The training stage: float pre-training, initialization, quantization-aware training, export. Prints nothing."""

from __future__ import annotations

import copy
import math
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from a2qplus_train.config import TrainConfig
from a2qplus_train.data import Data, Split, load
from a2qplus_train.export import export
from a2qplus_train.initialize import project_weights, quantize
from a2qplus_train.models import build_float
from a2qplus_train.plan import plan
from a2qplus_train.quantizers import penalty
from flows.errors import ConfigError

# Share of the epochs, at the end of the schedule, that the checkpoint is chosen from.
LATE = 0.25

Progress = Callable[[str, int, int, dict[str, float]], None]


@dataclass
class Run:
    """A finished training: the chosen networks and one record per epoch."""

    float_model: nn.Module
    quantized: nn.Module
    history: list[dict[str, float | int | str]] = field(default_factory=list)


def train(config: TrainConfig, out: Path, progress: Progress | None = None) -> None:
    """Train `config` and write model.onnx, vectors.npz, training.json and both checkpoints into the folder `out`.

    The folder appears in one rename at the end; an older one of the same name is replaced. `progress` is called after
    every epoch with (phase, epoch from 1, epochs, metrics).

    Raises ConfigError when `out` is a file or cannot be written, VerificationFailed or AccumulatorOverflow when the
    exported integers are not what was trained.
    """
    out = Path(out)
    if out.exists() and not out.is_dir():
        raise ConfigError(f"the output folder {out} is a file")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    except OSError as error:
        raise ConfigError(f"cannot write the output folder {out}: {error.strerror}") from error
    try:
        with reproducible(config.seed):
            data = load(config)
            run = fit(config, data, progress)
            torch.save(run.float_model.state_dict(), folder / "float.pt")
            torch.save(run.quantized.state_dict(), folder / "quantized.pt")
            export(run.quantized, run.float_model, config, data.test, run.history, folder)
        folder.chmod(0o755)
        _replace(folder, out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _replace(folder: Path, out: Path) -> None:
    """Rename `folder` to `out`, moving an older `out` aside first: a directory cannot be renamed over a full one."""
    if not out.exists():
        folder.rename(out)
        return
    aside = Path(tempfile.mkdtemp(prefix=f".{out.name}.old.", dir=out.parent))
    out.rename(aside / out.name)
    folder.rename(out)
    shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def reproducible(seed: int) -> Iterator[None]:
    """Seed torch, allow only deterministic kernels and one thread; put everything back at the end.

    One thread, because the order of a parallel float sum depends on the number of cores.
    """
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(True)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            torch.use_deterministic_algorithms(deterministic)


def fit(config: TrainConfig, data: Data, progress: Progress | None = None) -> Run:
    """Train both forms of the network; never looks at `data.test`. Call inside `reproducible`."""
    shuffle = torch.Generator().manual_seed(config.seed)
    loop = _Loop(config, data, shuffle, progress or (lambda *_: None))
    float_model = build_float(config)
    loop.run("float", float_model, config.float_epochs, config.float_learning_rate)
    quantized = quantize(float_model, config, loop.images)
    bits = {layer.name: layer.input_bits for layer in plan(config)}
    loop.run(
        "quantized",
        quantized,
        config.epochs,
        config.learning_rate,
        extra_loss=lambda: config.regularizer * penalty(quantized, bits),
        after_step=lambda: project_weights(quantized, bits) if config.project_steps else None,
    )
    return Run(float_model, quantized, loop.history)


class _Loop:
    """One training split, one shuffling generator, one history; used for both phases."""

    def __init__(self, config: TrainConfig, data: Data, shuffle: torch.Generator, progress: Progress) -> None:
        self.config = config
        self.images, self.labels = tensors(data.train)
        if len(self.labels) < config.batch_size:
            raise ConfigError(f"batch_size {config.batch_size} is larger than the {len(self.labels)} training images")
        self.validation = tensors(data.validation)
        self.shuffle = shuffle
        self.progress = progress
        self._classify = nn.CrossEntropyLoss(label_smoothing=config.label_smoothing)
        self.history: list[dict[str, float | int | str]] = []

    def run(
        self,
        phase: str,
        model: nn.Module,
        epochs: int,
        rate: float,
        extra_loss: Callable[[], Tensor] | None = None,
        after_step: Callable[[], None] | None = None,
    ) -> None:
        """Train `model` in place and leave it at the epoch with the lowest validation loss of the last quarter.

        Not the best accuracy of all epochs: a few hundred validation images often give 100 % to a lucky early epoch.
        """
        if epochs == 0:
            model.eval()
            return
        optimizer = torch.optim.Adam(model.parameters(), lr=rate)
        steps = epochs * (len(self.labels) // self.config.batch_size)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps, pct_start=0.1)
        best = math.inf
        state = copy.deepcopy(model.state_dict())
        for epoch in range(1, epochs + 1):
            loss = self._epoch(model, optimizer, schedule, extra_loss, after_step)
            accuracy, validation_loss = evaluate(model, *self.validation)
            metrics = {"loss": loss, "validation_accuracy": accuracy, "validation_loss": validation_loss}
            if epoch > epochs * (1.0 - LATE) and validation_loss <= best:
                best = validation_loss
                state = copy.deepcopy(model.state_dict())
            self.history.append({"phase": phase, "epoch": epoch, **metrics})
            self.progress(phase, epoch, epochs, metrics)
        model.load_state_dict(state)
        model.eval()

    def _epoch(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        schedule: torch.optim.lr_scheduler.LRScheduler,
        extra_loss: Callable[[], Tensor] | None,
        after_step: Callable[[], None] | None,
    ) -> float:
        """One pass over the training split in whole batches; returns the mean loss."""
        model.train()
        size = self.config.batch_size
        order = torch.randperm(len(self.labels), generator=self.shuffle)
        batches = order[: len(order) // size * size].reshape(-1, size)
        total = 0.0
        for batch in batches:
            images = shifted(self.images[batch], self.config.augment_shift, self.shuffle)
            optimizer.zero_grad(set_to_none=True)
            loss = self._classify(model(images), self.labels[batch])
            if extra_loss is not None:
                loss = loss + extra_loss()
            loss.backward()
            optimizer.step()
            schedule.step()
            if after_step is not None:
                after_step()
            total += float(loss.detach())
        return total / len(batches)


def tensors(split: Split) -> tuple[Tensor, Tensor]:
    """Return float32 images and int64 labels."""
    return torch.from_numpy(split.images.astype(np.float32)), torch.from_numpy(split.labels)


def shifted(images: Tensor, distance: float, generator: torch.Generator) -> Tensor:
    """Move each image by up to `distance` pixels in both directions, bilinear, zeros coming in. images: (N, C, H, W).

    Sub-pixel moves only blur and lean a digit; whole pixels would cut strokes off an 8x8 image.
    """
    if distance == 0.0:
        return images
    height, width = images.shape[-2:]
    moves = (2.0 * torch.rand((len(images), 2), generator=generator) - 1.0) * distance
    transform = torch.eye(2, 3).repeat(len(images), 1, 1)
    # affine_grid counts from -1 to 1 over the image, so one pixel is 2 / size.
    transform[:, :, 2] = moves * torch.tensor([2.0 / width, 2.0 / height])
    grid = functional.affine_grid(transform, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False)


@torch.no_grad()
def evaluate(model: nn.Module, images: Tensor, labels: Tensor) -> tuple[float, float]:
    """Return (accuracy in percent, mean cross entropy) in evaluation mode, in the model's own precision."""
    was_training = model.training
    model.eval()
    scores = model(images)
    model.train(was_training)
    hits = int((scores.argmax(dim=1) == labels).sum())
    return 100.0 * hits / len(labels), float(functional.cross_entropy(scores, labels))
