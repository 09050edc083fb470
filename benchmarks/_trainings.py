"""What the benchmarks of training share: one process a core, float networks first, figures compared seed by seed."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from flows.sweep.memory import KEEP_MEMORY

Job = TypeVar("Job")
Result = dict[str, Any]


def checkpoint(folder: Path, seed: int) -> Path:
    """The float network that all trainings of this seed start from."""
    return folder / f"float_{seed}.pt"


def train_all(
    folder: Path, keys: Mapping[str, Any], seeds: Sequence[int], measure: Callable[[Path, Job], Result], jobs: list[Job]
) -> list[Result]:
    """`measure(folder, job)` of every job, after the float networks of `keys` were trained for every seed.

    Each in a process of its own, two at a time at most: the trainings are small, and memory is not.
    """
    folder.mkdir(parents=True, exist_ok=True)
    os.environ.update(KEEP_MEMORY)
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(2, os.cpu_count() or 1), mp_context=spawn) as pool:
        list(pool.map(partial(_pretrain, folder, dict(keys)), seeds))
        return list(pool.map(partial(measure, folder), jobs))


def _pretrain(folder: Path, keys: dict[str, Any], seed: int) -> None:
    from a2qplus_train.config import TrainConfig
    from a2qplus_train.trainer import pretrain

    pretrain(TrainConfig(**keys, seed=seed), checkpoint(folder, seed))


def fit(folder: Path, seed: int, keys: Mapping[str, Any]) -> tuple[Any, Any]:
    """(run, test split) of one network, trained from the float network of its seed."""
    from a2qplus_train.config import TrainConfig
    from a2qplus_train.data import load
    from a2qplus_train.trainer import fit as train

    config = TrainConfig(**keys, seed=seed)
    data = load(config)
    return train(config, data, float_checkpoint=checkpoint(folder, seed)), data.test


def accuracy(model: Any, test: Any) -> float:
    """Top-1 in percent, evaluated in float64."""
    from a2qplus_train.metrics import top1
    from a2qplus_train.vectors import scores_of

    return float(top1(scores_of(model.double().eval(), test.images), test.labels))


def paired(own: Sequence[Result], default: Sequence[Result]) -> Result:
    """Mean and spread of `accuracy`, and how far it is ahead of the default's, whose seeds are the same.

    `standard_error` is that of the difference, which is taken seed by seed.
    """
    assert [r["seed"] for r in own] == [r["seed"] for r in default]
    found = [r["accuracy"] for r in own]
    ahead = [a["accuracy"] - b["accuracy"] for a, b in zip(own, default, strict=True)]
    return {
        "accuracy": float(np.mean(found)),
        "accuracy_spread": float(np.std(found, ddof=1)),
        "ahead_of_default": float(np.mean(ahead)),
        "standard_error": float(np.std(ahead, ddof=1) / np.sqrt(len(ahead))),
    }
