"""Which epoch of a training was kept, read from its history: the one with the lowest validation loss near the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

# Share of the epochs, at the end of the schedule, that the checkpoint is chosen from.
LATE = 0.25


def late(epoch: int, epochs: int, patience: int) -> bool:
    """Whether an epoch (from 1) is a candidate; with `patience`, which stops a training early, all are."""
    return bool(patience) or epoch > epochs * (1.0 - LATE)


def kept(
    history: Sequence[Mapping[str, float | int | str]], phase: str, epochs: int, patience: int
) -> Mapping[str, float | int | str] | None:
    """The record of the epoch that a phase ended with, the last one among equals; None where it had none."""
    records = [r for r in history if r["phase"] == phase and late(int(r["epoch"]), epochs, patience)]
    return min(records, key=lambda r: (float(r["validation_loss"]), -int(r["epoch"])), default=None)
