"""What every kernel offers. One file per operator; `flows.kernels.registry` finds it by the operator's class.

    legal(graph, op)               -> tuple[Fold, ...]   every legal folding, least parallel first
    lower(graph, op, fold, in_type, acc, *more) -> Lowered  parameters, memories and stream shapes of the RTL module

`lower` raises InfeasibleFolding for an illegal `fold`, naming the operator, the value and the legal values.
`in_type` is the type of the input stream as implemented (after an MVAU: its widest accumulator, which may be wider
or narrower than the graph's tensor), `more` those of further inputs (Add, Concat only). `acc` holds, per output
channel, the accumulator width to implement (MVAU, VVAU), else None.
"""

from __future__ import annotations

from typing import Protocol

from flows.design import Fold, Lowered
from flows.errors import InfeasibleFolding
from flows.graph import Graph, IntType, Op


class Kernel(Protocol):
    """A module of `flows.kernels`, seen as a value."""

    def legal(self, graph: Graph, op: Op) -> tuple[Fold, ...]: ...

    def lower(
        self, graph: Graph, op: Op, fold: Fold, in_type: IntType, acc: tuple[int, ...] | None, *more: IntType
    ) -> Lowered: ...


def divisors(n: int) -> tuple[int, ...]:
    """The divisors of n >= 1, ascending."""
    return tuple(d for d in range(1, n + 1) if n % d == 0)


def require_divisor(op: Op, key: str, value: int, total: int, what: str) -> None:
    """Raises InfeasibleFolding unless `value` divides `total`."""
    if value < 1 or total % value:
        legal = ", ".join(map(str, divisors(total)))
        raise InfeasibleFolding(f"{op.name}: {key} = {value} does not divide {what} = {total}; legal values: {legal}")


def require_one(op: Op, key: str, value: int) -> None:
    """Raises InfeasibleFolding unless `value`, a kind of lanes that the operator does not have, is 1."""
    if value != 1:
        raise InfeasibleFolding(f"{op.name}: {op.kind} has no {key}; leave it at 1, not {value}")
