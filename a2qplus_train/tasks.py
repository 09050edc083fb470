"""What a network is trained for: its loss, its metrics, how both are read from its outputs. One per kind of target."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from a2qplus_train.config import TrainConfig
from a2qplus_train.data import Split
from a2qplus_train.metrics import psnr, psnr_y, top1


class Task(Protocol):
    """One kind of target. `metric` names the figure in training.json ("accuracy" in percent, "psnr" in dB)."""

    metric: str

    def targets(self, labels: NDArray[Any]) -> Tensor:
        """The targets of a split as the loss wants them, (N, …)."""
        ...

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """What training minimizes, a scalar; outputs are float32."""
        ...

    def validation_loss(self, outputs: NDArray[Any], split: Split) -> float:
        """What chooses the checkpoint: the mean over the images, lower is better."""
        ...

    def figures(self, outputs: NDArray[Any], split: Split) -> dict[str, float]:
        """Every metric of the task by name, `metric` first; of the network's outputs for a split."""
        ...


class Classification:
    """Cross entropy (label smoothing in training only), top-1 accuracy in percent. Outputs: (N, classes)."""

    metric = "accuracy"

    def __init__(self, label_smoothing: float = 0.0) -> None:
        self.label_smoothing = label_smoothing

    def targets(self, labels: NDArray[Any]) -> Tensor:
        """int64 (N,)."""
        return torch.from_numpy(np.asarray(labels, dtype=np.int64))

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean cross entropy against smoothed labels."""
        return functional.cross_entropy(outputs, targets, label_smoothing=self.label_smoothing)

    def validation_loss(self, outputs: NDArray[Any], split: Split) -> float:
        """Mean cross entropy, not the accuracy: a few hundred images often give 100 % to a lucky early epoch."""
        return float(functional.cross_entropy(torch.from_numpy(outputs), self.targets(split.labels)))

    def figures(self, outputs: NDArray[Any], split: Split) -> dict[str, float]:
        """{"accuracy"}."""
        return {self.metric: top1(outputs, split.labels)}


class SuperResolution:
    """L1 or squared error, PSNR in dB on RGB and on Y. Outputs and labels: (N, 3, H, W) in [0, 1].

    As many border pixels as the upscaling factor are cut before a PSNR, as papers on super-resolution do.
    """

    metric = "psnr"

    def __init__(self, loss: str, upscale: int) -> None:
        self.border = upscale
        self._loss = functional.l1_loss if loss == "l1" else functional.mse_loss

    def targets(self, labels: NDArray[Any]) -> Tensor:
        """float32 (N, 3, H, W)."""
        return torch.from_numpy(np.asarray(labels, dtype=np.float32))

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean over all pixels of the absolute or squared error."""
        return self._loss(outputs, targets)

    def validation_loss(self, outputs: NDArray[Any], split: Split) -> float:
        """Minus the mean PSNR on RGB."""
        return -psnr(outputs, split.labels, self.border, split.pictures)

    def figures(self, outputs: NDArray[Any], split: Split) -> dict[str, float]:
        """{"psnr", "psnr_y"}."""
        return {
            self.metric: psnr(outputs, split.labels, self.border, split.pictures),
            "psnr_y": psnr_y(outputs, split.labels, self.border, split.pictures),
        }


def task_of(config: TrainConfig) -> Task:
    """The task that the targets of the configured data set ask for."""
    if config.classes is None:
        return SuperResolution(config.image_loss, config.upscale)
    return Classification(config.label_smoothing)
