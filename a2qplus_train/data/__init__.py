"""Data sets by name, one file each; split once by a seed of their own, so that the seed of a run moves no split.

Training, validation (chooses checkpoints), test (used at the end). Nothing is downloaded.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from a2qplus_train.config import TrainConfig
    from a2qplus_train.data.types import Data, Split

__all__ = ["Data", "Split", "load"]


def load(config: TrainConfig) -> Data:
    """Load `config.dataset` and split it; the file of that name below this package says what is expected where.

    Raises ConfigError for a missing path or package and for files that are not what the data set's format says.
    """
    data: Data = import_module(f"{__name__}.{config.dataset}").load(config)
    return data


def __getattr__(name: str) -> object:
    """`Data` and `Split`, imported on first use: the configuration reads `info` here and must stay light."""
    if name in ("Data", "Split"):
        return getattr(import_module(f"{__name__}.types"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
