"""The float checkpoint that several quantized trainings start from: weights, history and the state of the random
numbers, so that a training that continues from it equals one that did both phases, bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from a2qplus_train.config import TrainConfig
from a2qplus_train.float_part import float_part
from flows.errors import ConfigError

History = list[dict[str, float | int | str]]


def save(path: Path, config: TrainConfig, model: nn.Module, shuffle: torch.Generator, history: History) -> None:
    """Write the checkpoint in one rename. Call inside `reproducible`, right after the float phase."""
    content = {
        "float_part": float_part(config),
        "model": model.state_dict(),
        "shuffle": shuffle.get_state(),
        "torch": torch.get_rng_state(),
        "history": history,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    torch.save(content, temporary)
    temporary.replace(path)


def restore(path: Path, config: TrainConfig, model: nn.Module, shuffle: torch.Generator) -> History:
    """Load a checkpoint into `model`, the generator `shuffle` and torch's own; return the float phase's history.

    Raises ConfigError when the file is no float checkpoint, or one of another float configuration.
    """
    content = _read(path)
    wanted, found = float_part(config), content["float_part"]
    differing = sorted(key for key in wanted.keys() | found.keys() if wanted.get(key) != found.get(key))
    if differing:
        key = differing[0]
        raise ConfigError(
            f"float checkpoint {path}: trained with {key} = {found.get(key)!r}, the configuration says "
            f"{wanted.get(key)!r}; train it again with this configuration"
        )
    model.load_state_dict(content["model"])
    model.eval()
    shuffle.set_state(_state(content["shuffle"]))
    torch.set_rng_state(_state(content["torch"]))
    return list(content["history"])


def _state(value: Any) -> Tensor:
    assert isinstance(value, Tensor)
    return value


def _read(path: Path) -> dict[str, Any]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ConfigError(f"no float checkpoint {path}") from None
    except Exception as error:  # torch gives no narrower type for a file that is not one of its own
        raise ConfigError(f"{path} is no float checkpoint: {str(error).splitlines()[0]}") from None
    if not isinstance(content, dict) or not {"float_part", "model", "shuffle", "torch", "history"} <= content.keys():
        raise ConfigError(f"{path} is no float checkpoint of this project")
    return content
