"""Residual blocks (arXiv 1512.03385) whose two branches end in one quantizer, so that the sum is one of integers."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from a2qplus_train.models.layers import Layers


class ResidualBlock(nn.Module):
    """out(shared(branch(x)) + shortcut(x)), as Brevitas' published networks have it.

    `shared` is the activation that x comes from; a shortcut with a convolution of its own brings a new one. Both
    streams are unsigned and have its scale: a sum of integers, which the block's last activation requantizes.
    `bottleneck` is the 1x1, 3x3, 1x1 form with four times the channels; the stride is in its 3x3 convolution.
    """

    shortcut: nn.Module | None

    def __init__(
        self,
        layers: Layers,
        name: str,
        inputs: int,
        channels: int,
        stride: int,
        shared: nn.Module,
        bottleneck: bool = False,
    ) -> None:
        super().__init__()
        self.outputs = 4 * channels if bottleneck else channels
        widths = [inputs, channels, channels, self.outputs] if bottleneck else [inputs, channels, channels]
        kernels, strided = ([1, 3, 1], 1) if bottleneck else ([3, 3], 0)
        steps: list[nn.Module] = []
        for index, kernel in enumerate(kernels):
            step = stride if index == strided else 1
            path = f"{name}.branch.{len(steps)}"
            steps.append(layers.conv(path, widths[index], widths[index + 1], kernel, step))
            steps.append(nn.BatchNorm2d(widths[index + 1]))
            if index < len(kernels) - 1:
                steps.append(layers.act())
        self.branch = nn.Sequential(*steps)
        self.shortcut = None
        if stride != 1 or inputs != self.outputs:
            self.shortcut = nn.Sequential(
                layers.conv(f"{name}.shortcut.0", inputs, self.outputs, 1, stride), nn.BatchNorm2d(self.outputs)
            )
            shared = layers.act()
        self.shared = shared
        self.out = layers.act()

    def forward(self, x: Tensor) -> Tensor:
        """x: output of `shared` where there is no convolution in the shortcut."""
        branch = self.shared(self.branch(x))
        other = x if self.shortcut is None else self.shared(self.shortcut(x))
        return cast(Tensor, self.out(branch + other))


def stages(
    layers: Layers, inputs: int, channels: list[int], blocks: tuple[int, ...], shared: nn.Module, bottleneck: bool
) -> tuple[nn.Sequential, int]:
    """Return all residual blocks below the name `blocks` and their output channels; each stage but the first halves."""
    found: list[ResidualBlock] = []
    for stage, (width, count) in enumerate(zip(channels, blocks, strict=True)):
        for number in range(count):
            stride = 2 if stage > 0 and number == 0 else 1
            block = ResidualBlock(layers, f"blocks.{len(found)}", inputs, width, stride, shared, bottleneck)
            found.append(block)
            inputs, shared = block.outputs, block.out
    return nn.Sequential(*found), inputs
