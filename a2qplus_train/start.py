"""Where a super-resolution network starts: as an interpolation that its random weights then improve."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from a2qplus_train.models import Network

# Share of the usual random weights that is kept.
NOISE = 0.3
# Activations reach about this value, because colours end at 1 and the random weights add some.
TOP = 1.2


@torch.no_grad()
def start_as_interpolation(model: Network) -> None:
    """Let ESPCN (either form) start as nearest-neighbour interpolation plus small random weights, in place.

    Every hidden channel carries one colour plane: half of them x, the other half 1 - x. A hidden kernel takes half the
    mean of its own kind minus half the mean of the opposite kind, so it sums to zero and passes brightness on all the
    same, which A2Q+'s centring asks of it; and its weights are small and many, which 4 bits and an ℓ1 budget ask.
    The copies of one kind are offset by fractions of a quantization step, so that their quantizers round at different
    places and the mean of n copies has n times the levels of one. The random weights of each pair of channels sum to
    zero, so that they add detail and no offset.

    Other networks stay as they are, and so do ESPCNs that add to their input and those with a hidden layer too narrow
    for both kinds of every plane.
    """
    config = model.config
    planes = config.image_shape[0]
    hidden = model.plan[:-1]
    if config.image_skip or config.model not in ("espcn", "espcn_nn"):
        return
    if min(layer.outputs for layer in hidden) < 2 * planes:
        return
    for index, layer in enumerate(model.plan):
        weight = model.get_submodule(layer.name).weight
        assert isinstance(weight, Tensor)
        weight.sub_(weight.mean(dim=(2, 3), keepdim=True)).mul_(NOISE)
        middle = weight[:, :, layer.kernel // 2, layer.kernel // 2]
        if index == len(hidden):
            plane, sign = torch.arange(layer.outputs) // (layer.outputs // planes), torch.ones(layer.outputs)
        else:
            plane, sign = _kinds(layer.outputs, planes)
            norm = model.get_submodule(layer.name.rpartition(".")[0] + ".norm")
            assert isinstance(norm, nn.BatchNorm2d)
            offset = (1.0 - sign) / 2 if index == 0 else torch.full_like(sign, 0.5)
            norm.bias.copy_(offset + _stagger(plane, sign) * TOP / (2**config.activation_bits - 1))
        if index == 0:
            middle[torch.arange(layer.outputs), plane] += sign
            continue
        own_plane, own_sign = _kinds(layer.inputs, planes)
        same_plane = plane[:, None] == own_plane[None, :]
        alike = same_plane & (sign[:, None] == own_sign[None, :])
        opposite = same_plane & ~alike
        if index == len(hidden):
            middle += alike / alike.sum(dim=1, keepdim=True)
        else:
            middle += alike / alike.sum(dim=1, keepdim=True) / 2 - opposite / opposite.sum(dim=1, keepdim=True) / 2


def _kinds(channels: int, planes: int) -> tuple[Tensor, Tensor]:
    """Colour plane and sign (1: x, -1: 1 - x) of each channel."""
    number = torch.arange(channels)
    return number % planes, 1.0 - 2.0 * ((number // planes) % 2)


def _stagger(plane: Tensor, sign: Tensor) -> Tensor:
    """Offset of each channel in quantization steps: the n copies of one kind are 1/n apart, their mean is 0."""
    kind = 2 * plane + (sign > 0)
    steps = torch.zeros(len(kind))
    for one in sorted(set(kind.tolist())):
        copies = torch.nonzero(kind == one).flatten()
        steps[copies] = (torch.arange(len(copies)) + 0.5) / len(copies) - 0.5
    return steps
