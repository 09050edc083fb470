"""Where training runs: one CPU by default, a GPU where there is one, several processes under torchrun.

Measured here on the CPU only: one process, two processes (torchrun's environment, gloo), bfloat16 autocast. The same
code takes "cuda" and nccl; no GPU has run it yet.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import brevitas.nn as qnn
import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from a2qplus_train.config import TrainConfig
from flows.errors import ConfigError


@dataclass(frozen=True)
class Place:
    """One process' part: its device, its number among `world` processes, and whether autocast is on."""

    device: torch.device
    rank: int = 0
    world: int = 1
    amp: bool = False

    def shard(self, batch: Tensor) -> Tensor:
        """This process' part of a batch's indices: every `world`-th one."""
        return batch[self.rank :: self.world]

    def autocast(self) -> AbstractContextManager[Any]:
        """bfloat16 for convolutions and matrix products (it needs no loss scaling), where `amp` is on."""
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.amp)

    def wrap(self, model: nn.Module) -> nn.Module:
        """What to call in training: with several processes, one that averages the gradients over them."""
        if self.world == 1:
            return model
        return DistributedDataParallel(model, device_ids=[self.device.index] if self.device.type == "cuda" else None)

    def share_buffers(self, model: nn.Module) -> None:
        """Give every process the first one's BatchNorm statistics, so that all choose the same checkpoint."""
        if self.world > 1:
            for buffer in model.buffers():
                distributed.broadcast(buffer, 0)


@contextmanager
def place_of(config: TrainConfig) -> Iterator[Place]:
    """The place that `config.device` and torchrun's environment ask for; joins and leaves the process group.

    Raises ConfigError where `cuda` is asked for and there is none, or where a batch cannot be shared evenly.
    """
    world, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    here = torch.cuda.is_available()
    if config.device == "cuda" and not here:
        raise ConfigError("device: cuda, but PyTorch finds no GPU; use device: auto or cpu")
    if config.batch_size % world or config.batch_size < 2 * world:
        raise ConfigError(f"batch_size {config.batch_size} cannot be shared by {world} processes; use a multiple of it")
    device = torch.device("cpu")
    if here and config.device != "cpu":
        # Deterministic matrix products on a GPU need this, before the first one.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
    joined = world > 1 and not distributed.is_initialized()
    if joined:
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Place(device, rank, world, config.amp)
    finally:
        if joined:
            distributed.destroy_process_group()


def keep_float32(model: nn.Module) -> None:
    """Let quantizers and BatchNorms see float32 under autocast: a bfloat16 value cannot even count to 2^9.

    Weights are float32 parameters already; only what a convolution or matrix product hands on must be widened.
    """
    for module in model.modules():
        if isinstance(module, qnn.QuantIdentity | qnn.QuantReLU | nn.BatchNorm1d | nn.BatchNorm2d):
            module.register_forward_pre_hook(_widen)


def _widen(_module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(x.float() if isinstance(x, Tensor) and x.dtype == torch.bfloat16 else x for x in inputs)
