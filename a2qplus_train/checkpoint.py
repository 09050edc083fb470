"""The state of an unfinished training on disk, so that a killed run goes on where it stopped, to the same bytes."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch

from a2qplus_train.config import TrainConfig
from flows.files import write_text

State = dict[str, Any]


class Checkpoint:
    """One file, replaced in one rename after every epoch; without a path nothing is kept.

    A file of another configuration, or one that cannot be read, counts as none: it is replaced by the next epoch's.
    Tensors, numbers, strings and containers of them only, read with `weights_only`.
    """

    def __init__(self, path: Path | None, config: TrainConfig) -> None:
        self.path = path
        self._config = config.model_dump_json()

    def save(self, state: State) -> None:
        """Replace the file. Raises FlowError when the disk is full or not writable."""
        if self.path is None:
            return
        buffer = io.BytesIO()
        torch.save({**state, "config": self._config, "torch": torch.get_rng_state()}, buffer)
        write_text(self.path, buffer.getvalue())

    def load(self) -> State | None:
        """Return the saved state and put torch's random numbers back where they were; None where there is nothing."""
        if self.path is None or not self.path.is_file():
            return None
        try:
            state: State = torch.load(self.path, map_location="cpu", weights_only=True)
        except Exception:  # torch names no type for a file that it cannot read; training from the start is right
            return None
        if not isinstance(state, dict) or state.get("config") != self._config:
            return None
        torch.set_rng_state(state["torch"])
        return state

    def remove(self) -> None:
        """Forget the file."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)
