"""BatchNorms as fixed affine maps: for regression, where batch statistics make every image depend on the others."""

from __future__ import annotations

import torch
from torch import Tensor, nn

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


@torch.no_grad()
def settle(model: nn.Module, images: Tensor) -> None:
    """Give every BatchNorm the statistics of its input for `images`, and change its affine map so that the function
    that the network computes in evaluation mode stays the same.

    Afterwards γ and β are the standard deviation and mean of each channel, which is what the quantized network's own
    statistics (`initialize.calibrate`) are mapped to. images: (N, C, H, W).
    """
    was_training = model.training
    hooks = [m.register_forward_pre_hook(_settle) for m in model.modules() if isinstance(m, NORMS)]
    model.eval()
    model(images)
    for hook in hooks:
        hook.remove()
    model.train(was_training)


def _settle(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    assert isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d)
    assert module.running_mean is not None and module.running_var is not None
    x = inputs[0].transpose(0, 1).flatten(1)
    mean, variance = x.mean(dim=1), x.var(dim=1, unbiased=False)
    slope = module.weight / torch.sqrt(module.running_var + module.eps)
    module.bias.add_(slope * (mean - module.running_mean))
    module.weight.copy_(slope * torch.sqrt(variance + module.eps))
    module.running_mean.copy_(mean)
    module.running_var.copy_(variance)


def hold(model: nn.Module) -> None:
    """Let every BatchNorm use its stored statistics from here on, also in training; γ and β go on learning."""
    for module in model.modules():
        if isinstance(module, NORMS):
            module.eval()
