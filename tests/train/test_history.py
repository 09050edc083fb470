"""The epoch that the history names is the one whose weights the loop keeps."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch

from a2qplus_train.history import kept, late
from a2qplus_train.loop import Best


@pytest.mark.parametrize("patience", [0, 3])
def test_the_record_is_of_the_epoch_that_the_loop_keeps(patience: int) -> None:
    rng = random.Random(4)
    for epochs in (1, 3, 4, 10, 11):
        model, best, history = torch.nn.Linear(1, 1), Best(), list[dict[str, Any]]()
        for epoch in range(1, epochs + 1):
            torch.nn.init.constant_(model.weight, epoch)
            loss = rng.choice((0.25, 0.5, 1.0))  # ties are common
            best.look(loss, model, late(epoch, epochs, patience))
            history.append({"phase": "quantized", "epoch": epoch, "validation_loss": loss})
        other = [{"phase": "float", "epoch": epochs, "validation_loss": 0.0}]
        record = kept([*other, *history], "quantized", epochs, patience)
        assert record is not None and record["epoch"] == int(best.state["weight"]), epochs


def test_a_phase_without_epochs_has_none() -> None:
    assert kept([], "float", 0, 0) is None
