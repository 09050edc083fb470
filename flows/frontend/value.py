"""What is known of one tensor of a QONNX file: which integers of the graph it is a function of, and which function."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal, TypeVar

import numpy as np

from flows.frontend.stairs import Channel
from flows.graph import IntArray, IntType

T = TypeVar("T")
Pair = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Move:
    """An operator that rearranges or selects pixels, whatever they mean, so that a quantizer may go before it.

    `order`: the value's order before the move. `pad`: (top, left, bottom, right) for "max".
    """

    node: str
    kind: Literal["max", "upsample", "shuffle"]
    order: IntArray
    kernel: Pair = (1, 1)
    stride: Pair = (1, 1)
    dilation: Pair = (1, 1)
    pad: tuple[int, int, int, int] = (0, 0, 0, 0)
    factors: Pair = (1, 1)
    block: int = 1
    columns_first: bool = False
    """"shuffle": ONNX' DCR, where the block's position is the slow index of the channels."""


@dataclass(frozen=True, eq=False)
class Value:
    """A tensor of the file, `shape` as the file has it (batch first), as a function of the graph's `tensor`.

    `channels[g]`: of graph channel g. `order[g]`: the file's channel (axis 1) that it belongs to, after the `moves`,
    which are still to be made. `flat`: the file flattens the map, in its own order (C, H, W); the graph does not yet.
    `units[g]`: (u, b) where the framework's integer is (value - b) / u; None where it has none. `codes`: the type of
    the framework's integers where the value is directly quantized. `where`: the node that made it.
    """

    tensor: str
    shape: tuple[int, ...]
    channels: tuple[Channel, ...]
    order: IntArray
    where: str
    moves: tuple[Move, ...] = ()
    flat: bool = False
    units: tuple[tuple[Fraction, Fraction], ...] | None = None
    codes: IntType | None = None

    @property
    def linear(self) -> bool:
        return all(channel.linear for channel in self.channels)

    def spread(self, values: Sequence[T]) -> list[T]:
        """One value, or one per channel of the file, to one per graph channel."""
        return [values[0] if len(values) == 1 else values[int(k)] for k in self.order]

    def mapped(self, channels: Sequence[Channel], where: str) -> Value:
        """The value after arithmetic that gave it these channels."""
        return replace(self, channels=tuple(channels), where=where, units=None, codes=None)


def in_order(channels: int) -> IntArray:
    return np.arange(channels, dtype=np.int64)
