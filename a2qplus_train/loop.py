"""One phase of training: optimizer, schedule, epochs, the choice of the checkpoint; resumable after every epoch."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from a2qplus_train.augment import augmented
from a2qplus_train.checkpoint import Checkpoint, State
from a2qplus_train.config import TrainConfig
from a2qplus_train.data import Data, Split
from a2qplus_train.devices import Place, keep_float32
from a2qplus_train.history import late
from a2qplus_train.norms import hold
from a2qplus_train.tasks import Task, task_of
from flows.errors import ConfigError

# Images in one forward pass of an evaluation.
EVALUATION_BATCH = 1024
# Calibration takes as many training images as have this many pixels, but no fewer than this many images.
SAMPLE_PIXELS, SAMPLE_IMAGES = 2**17, 64
# Share of the learning rate that the parameters of a phase's `slow` get.
SLOW = 0.01

Record = dict[str, float | int | str]
Progress = Callable[[str, int, int, dict[str, float]], None]


@dataclass
class Phase:
    """What is trained for how long. `extra_loss` is added to the task's loss, `after_step` follows the optimizer.

    `slow`: names of parameters that get SLOW of the learning rate.
    """

    name: str
    epochs: int
    rate: float
    extra_loss: Callable[[], Tensor] | None = None
    after_step: Callable[[], None] | None = None
    slow: frozenset[str] = frozenset()


@dataclass
class Best:
    """The checkpoint so far: lowest validation loss, its weights, and how many epochs ago it was."""

    loss: float = math.inf
    state: State = field(default_factory=dict)
    age: int = 0

    def look(self, loss: float, model: nn.Module, late: bool) -> None:
        """Take the model over where it is as good as the best one; an epoch that is not `late` is no candidate."""
        if late and loss <= self.loss:
            self.loss, self.state, self.age = loss, copy.deepcopy(model.state_dict()), 0
        else:
            self.age += 1


class Loop:
    """One training split, one shuffling generator, one history; used for both phases."""

    def __init__(
        self,
        config: TrainConfig,
        data: Data,
        shuffle: torch.Generator,
        progress: Progress | None = None,
        place: Place | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        self.config, self.data, self.shuffle = config, data, shuffle
        self.progress = progress or (lambda *_: None)
        self.place = place or Place(torch.device("cpu"))
        self.checkpoint = checkpoint or Checkpoint(None, config)
        self.task: Task = task_of(config)
        if len(data.train) < config.batch_size:
            raise ConfigError(f"batch_size {config.batch_size} is larger than the {len(data.train)} training images")
        self.targets = self.task.targets(data.train.labels)
        # An array is converted once; files stay files, and are read batch by batch.
        array = data.train.images
        self.images = to_tensor(array) if isinstance(array, np.ndarray) else None
        self.history: list[Record] = []
        # What a resumed run must know besides the phase's own state: the float network, once it is finished.
        self.finished: State = {}

    def sample(self) -> Tensor:
        """Training images for calibration, float32 (N, C, H, W), evenly spread over the split: all of a small one."""
        count = max(SAMPLE_IMAGES, SAMPLE_PIXELS // math.prod(self.config.image_shape[1:]))
        index = np.linspace(0, len(self.data.train) - 1, min(count, len(self.data.train))).round().astype(np.int64)
        return self.images[index] if self.images is not None else to_tensor(self.data.train.images[index])

    def run(self, phase: Phase, model: nn.Module, saved: State | None = None) -> None:
        """Train `model` in place and leave it, on the CPU, at the epoch with the lowest validation loss.

        The epochs of the last quarter are candidates (with `patience`, all are, and training stops after that many
        epochs without a better one). `saved`: state of this phase to go on from.
        """
        if phase.epochs == 0:
            model.eval()
            return
        if saved is not None:
            model.load_state_dict(saved["model"])  # before the optimizer: Brevitas makes new parameters here
        model.to(self.place.device)
        optimizer = _optimizer(model, phase)
        schedule = _schedule(optimizer, self.config.schedule, phase, len(self.data.train) // self.config.batch_size)
        best, done = Best(state=copy.deepcopy(model.state_dict())), 0
        if saved is not None:
            optimizer.load_state_dict(saved["optimizer"])
            schedule.load_state_dict(saved["schedule"])
            best, done = Best(saved["best_loss"], saved["best"], saved["age"]), saved["epoch"]
            self.history = list(saved["history"])
            self.shuffle.set_state(saved["shuffle"])
        if self.place.amp:
            keep_float32(model)
        called = self.place.wrap(model)
        patience = self.config.patience
        for epoch in range(done + 1, phase.epochs + 1):
            if patience and best.age >= patience:
                break
            loss = self._epoch(phase, model, called, optimizer, schedule)
            self.place.share_buffers(model)
            validation, figures = self.evaluate(model, self.data.validation)
            best.look(validation, model, late(epoch, phase.epochs, patience))
            metrics = {
                "loss": loss,
                **{f"validation_{k}": v for k, v in figures.items()},
                "validation_loss": validation,
            }
            self.history.append({"phase": phase.name, "epoch": epoch, **metrics})
            self._save(phase, epoch, model, optimizer, schedule, best)
            self.progress(phase.name, epoch, phase.epochs, metrics)
        model.load_state_dict(best.state)
        model.cpu().eval()

    def _epoch(
        self,
        phase: Phase,
        model: nn.Module,
        called: nn.Module,
        optimizer: torch.optim.Optimizer,
        schedule: torch.optim.lr_scheduler.LRScheduler,
    ) -> float:
        """One pass over the training split in whole batches; returns the mean loss."""
        model.train()
        if self.config.hold_norms:
            hold(model)
        size, device = self.config.batch_size, self.place.device
        order = torch.randperm(len(self.data.train), generator=self.shuffle)
        batches = order[: len(order) // size * size].reshape(-1, size)
        total = 0.0
        for batch in batches:
            images, targets = self._batch(self.place.shard(batch))
            optimizer.zero_grad(set_to_none=True)
            with self.place.autocast():
                outputs = plain(called(images.to(device)))
            loss = self.task.loss(outputs.float(), targets.to(device))
            if phase.extra_loss is not None:
                loss = loss + phase.extra_loss()
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
            if phase.after_step is not None:
                phase.after_step()
            total += float(loss.detach())
        return total / len(batches)

    def _batch(self, index: Tensor) -> tuple[Tensor, Tensor]:
        images = self.images[index] if self.images is not None else to_tensor(self.data.train.images[index.numpy()])
        return augmented(self.config, images, self.targets[index], self.shuffle)

    def evaluate(self, model: nn.Module, split: Split) -> tuple[float, dict[str, float]]:
        """Return (loss that chooses the checkpoint, metrics by name) of a split, in evaluation mode, in float32."""
        outputs = forward(model, split.images, self.place.device)
        return self.task.validation_loss(outputs, split), self.task.figures(outputs, split)

    def _save(self, phase: Phase, epoch: int, model: nn.Module, optimizer: Any, schedule: Any, best: Best) -> None:
        if self.place.rank == 0:
            self.checkpoint.save({
                "phase": phase.name, "epoch": epoch, "model": model.state_dict(), "optimizer": optimizer.state_dict(),
                "schedule": schedule.state_dict(), "best_loss": best.loss, "best": best.state, "age": best.age,
                "history": self.history, "shuffle": self.shuffle.get_state(), "finished": self.finished,
            })  # fmt: skip


def _optimizer(model: nn.Module, phase: Phase) -> torch.optim.Optimizer:
    named = list(model.named_parameters())
    groups = [
        {"params": [p for name, p in named if name not in phase.slow], "lr": phase.rate},
        {"params": [p for name, p in named if name in phase.slow], "lr": phase.rate * SLOW},
    ]
    return torch.optim.Adam([group for group in groups if group["params"]])


def _schedule(
    optimizer: torch.optim.Optimizer, name: str, phase: Phase, steps: int
) -> torch.optim.lr_scheduler.LRScheduler:
    """The learning rate by step: one_cycle (a tenth of warm-up, then cosine), cosine, or constant."""
    total = phase.epochs * steps
    if name == "one_cycle":
        rates = [group["lr"] for group in optimizer.param_groups]
        return torch.optim.lr_scheduler.OneCycleLR(optimizer, rates, total_steps=total, pct_start=0.1)
    if name == "cosine":
        return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, total)
    return torch.optim.lr_scheduler.ConstantLR(optimizer, 1.0)


@torch.no_grad()
def forward(model: nn.Module, images: Any, device: torch.device) -> NDArray[np.float32]:
    """Outputs of the network in evaluation mode. images: (N, C, H, W), an array or files."""
    was_training = model.training
    model.eval()
    parts = []
    for start in range(0, len(images), EVALUATION_BATCH):
        batch = images[np.arange(start, min(start + EVALUATION_BATCH, len(images)))]
        parts.append(plain(model(to_tensor(batch).to(device))).float().cpu())
    model.train(was_training)
    return torch.cat(parts).numpy()


def plain(outputs: Any) -> Tensor:
    """The values of what a network returns: a tensor, or a Brevitas QuantTensor."""
    value: Tensor = outputs if isinstance(outputs, Tensor) else outputs.value
    return value


def to_tensor(images: Any) -> Tensor:
    """float32 (N, C, H, W) of an array."""
    return torch.from_numpy(np.asarray(images, dtype=np.float32))
