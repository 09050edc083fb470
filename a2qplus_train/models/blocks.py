"""Blocks that several networks share."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from a2qplus_train.models.layers import Layers


class ConvBlock(nn.Module):
    """Convolution, BatchNorm, activation. `relu` may be an activation that another stream uses too."""

    def __init__(
        self,
        layers: Layers,
        name: str,
        inputs: int,
        outputs: int,
        kernel: int = 3,
        stride: int = 1,
        groups: int = 1,
        relu: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.conv = layers.conv(f"{name}.conv", inputs, outputs, kernel, stride, groups=groups)
        self.norm = nn.BatchNorm2d(outputs)
        self.relu = layers.act() if relu is None else relu

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, ⌈H / stride⌉, ⌈W / stride⌉)."""
        return cast(Tensor, self.relu(self.norm(self.conv(x))))


class Head(nn.Module):
    """Global average pooling, requantized, and the last dense layer.

    The average of N-bit integers has more than N bits; the quantizer behind it brings the dense layer's input back to
    the width that its accumulator was planned for.
    """

    def __init__(self, layers: Layers, name: str, inputs: int, classes: int) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.relu = layers.act()
        self.flatten = nn.Flatten()
        self.dense = layers.dense(f"{name}.dense", inputs, classes, last=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, classes)."""
        return cast(Tensor, self.dense(self.flatten(self.relu(self.pool(x)))))
