"""EP-init and `quantize`: how close the quantized network starts, and what a caller can ask for."""

from __future__ import annotations

import pytest
import torch

from a2qplus_train.config import TrainConfig
from a2qplus_train.freeze import freeze, weight_layers
from a2qplus_train.initialize import calibrate, ep_init, project_weights, quantize
from a2qplus_train.models import build_float, build_quantized
from a2qplus_train.quantizers import aware_layers, aware_quantizers, penalty
from flows.errors import ConfigError


def weight_error(how: str, method: str, p: int) -> float:
    """Squared error of the quantized weights right after initialization, relative, over the constrained layers."""
    torch.manual_seed(0)
    config = TrainConfig(method=method, accumulator_bits=p)
    float_model = build_float(config)
    quantized = build_quantized(config)
    quantized.load_state_dict(float_model.state_dict(), strict=False)
    ep_init(quantized, how)
    frozen = weight_layers(freeze(quantized, torch.zeros(1, 1, 8, 8)))
    total = 0.0
    for name in aware_quantizers(quantized):
        original = float_model.get_submodule(name).weight.detach().double()
        total += float((frozen[name].weight.detach() - original).square().sum() / original.square().sum())
    return total


@pytest.mark.parametrize("method", ["a2q", "a2q+"])
@pytest.mark.parametrize("p", [8, 10, 12])
def test_default_initialization_has_the_smallest_weight_error(method: str, p: int) -> None:
    errors = {how: weight_error(how, method, p) for how in ("budgeted", "joint", "published", "brevitas")}
    assert min(errors, key=errors.__getitem__) == "budgeted", errors
    assert errors["joint"] < errors["brevitas"], errors


def test_norm_starts_at_the_centred_weight() -> None:
    config = TrainConfig(accumulator_bits=9)
    quantized = build_quantized(config)
    ep_init(quantized)
    for name, core in aware_quantizers(quantized).items():
        weight = quantized.get_submodule(name).weight.detach().flatten(1)
        norm = (weight - weight.mean(dim=1, keepdim=True)).abs().sum(dim=1)
        torch.testing.assert_close(core.log_norm.detach().flatten().exp2(), norm)


def test_calibration_leaves_finite_statistics_even_where_all_weights_are_zero() -> None:
    config = TrainConfig(accumulator_bits=4, init="published")
    torch.manual_seed(0)
    quantized = build_quantized(config)
    ep_init(quantized)
    calibrate(quantized, torch.rand(32, 1, 8, 8))
    quantized.eval()
    assert torch.isfinite(quantized(torch.rand(4, 1, 8, 8))).all()
    assert all(torch.isfinite(v).all() for v in quantized.state_dict().values())


def test_quantize_overrides_method_and_width() -> None:
    torch.manual_seed(0)
    model = build_float(TrainConfig(constrain_last=True))
    images = torch.rand(32, 1, 8, 8)
    assert quantize(model, images=images).config == model.config
    narrow = quantize(model, "a2q", 9, images)
    assert (narrow.config.method, narrow.config.accumulator_bits) == ("a2q", 9)
    assert [(x.plan.name, x.core.method, x.plan.accumulator_bits) for x in aware_layers(narrow)] == [
        ("conv2", "a2q", 9), ("conv3", "a2q", 9), ("dense1", "a2q", 9),
    ]  # fmt: skip
    assert not aware_layers(quantize(model, "qat", images=images))
    assert float(penalty(quantize(model, "qat", images=images))) == 0.0


def test_quantize_calibrates_on_the_training_images_by_default() -> None:
    torch.manual_seed(0)
    model = build_float(TrainConfig())
    states = [quantize(model).state_dict() for _ in range(2)]
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    assert float(states[0]["norm1.running_var"].max()) != 1.0


@pytest.mark.parametrize(("method", "p"), [("a2q++", 9), ("a2q+", 2)])
def test_quantize_refuses_in_one_line(method: str, p: int) -> None:
    with pytest.raises(ConfigError) as error:
        quantize(build_float(TrainConfig()), method, p, torch.rand(8, 1, 8, 8))  # type: ignore[arg-type]
    assert "\n" not in str(error.value)
    assert ("method" if method == "a2q++" else "accumulator_bits") in str(error.value)


def test_an_unknown_initialization_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"no initialization 'best'.*budgeted"):
        ep_init(build_quantized(TrainConfig()), "best")


@pytest.mark.parametrize("method", ["a2q", "a2q+"])
def test_signed_inputs_get_their_own_budget(method: str) -> None:
    model = build_quantized(TrainConfig(method=method, signed_activations=True, accumulator_bits=9))
    ep_init(model)
    for layer in aware_layers(model):
        assert layer.plan.input_signed
        assert layer.budget == layer.core.budget(4, True)
        assert float(layer.core.mass().max()) <= float(layer.budget) * (1 + 1e-6)


@pytest.mark.parametrize("method", ["a2q", "a2q+"])
def test_projecting_back_leaves_no_weight_beyond_its_ball(method: str) -> None:
    torch.manual_seed(0)
    model = build_quantized(TrainConfig(method=method, accumulator_bits=8))
    ep_init(model)
    with torch.no_grad():
        for layer in aware_layers(model):
            layer.module.weight.add_(0.1 * torch.randn_like(layer.module.weight))
    project_weights(model)
    for layer in aware_layers(model):
        radius = torch.minimum(layer.core.log_norm.exp2(), layer.core.scale() * float(layer.budget))
        size = layer.module.weight.abs().sum(dim=layer.core.fan, keepdim=True)
        assert bool((size <= radius * (1 + 1e-5)).all())
