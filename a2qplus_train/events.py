"""The figures of every epoch as TensorBoard events, for `tensorboard: true`; the package is the user's to install."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from a2qplus_train.loop import Progress
from flows.errors import ConfigError


@contextmanager
def recorded(wanted: bool, folder: Path, progress: Progress | None) -> Iterator[Progress]:
    """A callback that calls `progress`, and, where `wanted`, first writes "PHASE/METRIC" by epoch into `folder`.

    Raises ConfigError where TensorBoard is wanted and not installed.
    """
    told = progress or (lambda *_: None)
    if not wanted:
        yield told
        return
    try:
        writer = import_module("torch.utils.tensorboard").SummaryWriter(str(folder))
    except ImportError:
        raise ConfigError("tensorboard: true needs the optional package: pip install tensorboard") from None

    def tell(phase: str, epoch: int, epochs: int, metrics: dict[str, float]) -> None:
        for name, value in metrics.items():
            writer.add_scalar(f"{phase}/{name}", value, epoch)
        told(phase, epoch, epochs, metrics)

    try:
        yield tell
    finally:
        writer.close()
