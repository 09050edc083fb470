"""An adder graph as a value: nodes that add two earlier values, one of them shifted, and what it computes, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from flows.graph import IntArray, IntType


class Kind(IntEnum):
    """What a node does; the numbers are those of the parameter NODE_KIND of `mvau_const.sv`."""

    REGISTER = 0
    ADD = 1
    SUBTRACT = 2
    NEGATE = 3


@dataclass(frozen=True)
class Node:
    """left, (left << left_shift) + (right << right_shift), the difference, or -left; `dtype` holds every result.

    `left` and `right` number the values: the inputs first, then the nodes in order. REGISTER and NEGATE have no right
    operand and no shift; ADD has left_shift 0, SUBTRACT one shift of 0.
    """

    kind: Kind
    dtype: IntType
    left: int
    right: int = 0
    left_shift: int = 0
    right_shift: int = 0


@dataclass(frozen=True)
class Term:
    """A value, shifted and signed: sign * (value << shift)."""

    value: int
    shift: int = 0
    sign: int = 1


@dataclass(frozen=True)
class AdderGraph:
    """`inputs` values of type `input_type`, then `nodes`; output c is `outputs[c]`, or constant zero where None."""

    inputs: int
    input_type: IntType
    nodes: tuple[Node, ...]
    outputs: tuple[Term | None, ...] = field(default=())

    @property
    def adders(self) -> int:
        """Nodes that are no registers."""
        return sum(node.kind != Kind.REGISTER for node in self.nodes)

    def depths(self) -> list[int]:
        """Of every value: adders on the longest path to it since the last register."""
        found = [0] * self.inputs
        for node in self.nodes:
            if node.kind == Kind.REGISTER:
                found.append(0)
            else:
                operands = [node.left] if node.kind == Kind.NEGATE else [node.left, node.right]
                found.append(1 + max(found[v] for v in operands))
        return found

    def latencies(self) -> list[int]:
        """Of every value: registers on the longest path to it; equal on every path where the graph is pipelined."""
        found = [0] * self.inputs
        for node in self.nodes:
            operands = (node.left, node.right) if node.kind in (Kind.ADD, Kind.SUBTRACT) else (node.left,)
            found.append(max(found[v] for v in operands) + (node.kind == Kind.REGISTER))
        return found


def evaluate(graph: AdderGraph, x: IntArray) -> IntArray:
    """(N, MW) integers to (N, MH), node by node. Raises ValueError where a node's type does not hold its value."""
    values: list[IntArray] = list(x.T)
    for number, node in enumerate(graph.nodes):
        left = values[node.left] << node.left_shift
        match node.kind:
            case Kind.REGISTER:
                result = left
            case Kind.ADD:
                result = left + (values[node.right] << node.right_shift)
            case Kind.SUBTRACT:
                result = left - (values[node.right] << node.right_shift)
            case Kind.NEGATE:
                result = -left
        if result.size and not node.dtype.holds(int(result.min()), int(result.max())):
            raise ValueError(f"node {number}: {node.dtype} does not hold {result.min()}…{result.max()}")
        values.append(result)
    outputs = [
        np.zeros(len(x), np.int64) if t is None else t.sign * (values[t.value] << t.shift) for t in graph.outputs
    ]
    return np.stack(outputs, axis=1) if outputs else np.zeros((len(x), 0), np.int64)


def coefficients(graph: AdderGraph) -> IntArray:
    """(MW, MH): the matrix that the graph multiplies with, read off its nodes."""
    rows = list(np.eye(graph.inputs, dtype=np.int64))
    for node in graph.nodes:
        left = rows[node.left] << node.left_shift
        right = rows[node.right] << node.right_shift
        rows.append(
            {Kind.REGISTER: left, Kind.ADD: left + right, Kind.SUBTRACT: left - right, Kind.NEGATE: -left}[node.kind]
        )
    zero = np.zeros(graph.inputs, dtype=np.int64)
    columns = [zero if t is None else t.sign * (rows[t.value] << t.shift) for t in graph.outputs]
    return np.stack(columns, axis=1)


def value_range(coefficient: Sequence[int] | IntArray, lo: int, hi: int) -> tuple[int, int]:
    """Exact range of sum_i coefficient[i] * x[i] with every x[i] in [lo, hi]."""
    c = np.asarray(coefficient, dtype=np.int64)
    up, down = int(c[c > 0].sum()), int(c[c < 0].sum())
    return up * lo + down * hi, up * hi + down * lo
