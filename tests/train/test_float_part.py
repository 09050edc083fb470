"""Runs that share a float pre-training would have had the same one: its network starts from the same numbers."""

from __future__ import annotations

import pytest
import torch

from a2qplus_train.config import TrainConfig
from a2qplus_train.float_part import QUANTIZED_ONLY, float_part
from a2qplus_train.models import build_float
from a2qplus_train.start import start_as_interpolation
from tests.train.networks import SMALL, small_config

OTHER = {
    "method": "a2q", "weight_bits": 3, "first_layer_weight_bits": 5, "last_layer_weight_bits": 6, "input_bits": 7,
    "accumulator_bits": 14, "constrain_first": True, "constrain_last": True, "depthwise_centred": True,
    "init": "published", "project_steps": False, "regularizer": 0.5, "epochs": 3, "learning_rate": 0.5,
    "tensorboard": True,
}  # fmt: skip


def start(config: TrainConfig) -> tuple[list[str], torch.nn.Module]:
    """The float network before its first step."""
    torch.manual_seed(config.seed)
    model = build_float(config)
    start_as_interpolation(model)
    return [str(m) for m in model.modules() if not list(m.children())], model


@pytest.mark.parametrize("model", SMALL)
def test_no_key_that_is_left_out_changes_the_float_network(model: str) -> None:
    assert OTHER.keys() == QUANTIZED_ONLY
    config = small_config(model)
    names, network = start(config)
    for key, value in OTHER.items():
        assert getattr(config, key) != value
        changed = small_config(model, **{key: value})
        assert float_part(changed) == float_part(config)
        other_names, other = start(changed)
        assert other_names == names, key
        for a, b in zip(network.state_dict().values(), other.state_dict().values(), strict=True):
            assert torch.equal(a, b), key


@pytest.mark.parametrize(
    ("key", "value"), [("activation_bits", 3), ("label_select", False), ("signed_activations", True), ("seed", 1)]
)
def test_what_changes_the_float_network_is_part_of_it(key: str, value: object) -> None:
    assert float_part(small_config("espcn", **{key: value})) != float_part(small_config("espcn"))
