"""The peer da4ml: its adder graph of a matrix, as a value of ours, and the Verilog that it writes itself.

da4ml is LGPL-3 and no part of this project: it is looked for where Python finds packages, and only benchmarks use it.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from flows.adders.cost import luts
from flows.adders.graph import AdderGraph, Kind, Node, Term, coefficients, value_range
from flows.errors import ToolMissing
from flows.graph import IntArray, IntType

VERSION = "0.6.0"
COSTS = ((1, -1, -1), (-1, -1, -1))
"""Of its solver (`HWConfig`): by bits of an adder, which is its default, and by the number of adders."""
TOP = "da4ml"


def require() -> None:
    """Raises ToolMissing where the version that the figures are of is not here."""
    if find_spec("da4ml") is None or importlib.metadata.version("da4ml") != VERSION:
        raise ToolMissing(
            f"da4ml {VERSION}, the peer of this benchmark (LGPL-3), is not here; `pip install --no-deps --target DIR "
            f"da4ml=={VERSION} quantizers==1.2.2`, then run with PYTHONPATH=DIR"
        )


@dataclass(frozen=True)
class Peer:
    """What da4ml makes of a matrix: the graph, and its own Verilog {file: text} with the module TOP."""

    graph: AdderGraph
    verilog: Mapping[PurePosixPath, str | bytes] = field(repr=False)


def solve(weights: IntArray, in_type: IntType, lo: int, hi: int) -> Peer:
    """The better, by `flows.adders.cost`, of what COSTS give. Raises ToolMissing."""
    require()
    from da4ml.trace import FixedVariableArrayInput, HWConfig, comb_trace  # type: ignore[import-not-found]

    found = []
    for costs in COSTS:
        given = FixedVariableArrayInput((len(weights),), hwconf=HWConfig(*costs))
        x = given.quantize(int(in_type.signed), in_type.bits - in_type.signed, 0)
        logic = comb_trace(given, x @ weights.astype(np.float64))
        graph = _Reader(len(weights), in_type, lo, hi).read(logic)
        if not np.array_equal(coefficients(graph), weights):
            raise AssertionError("da4ml's graph is not of these weights, or it was read wrongly")
        found.append((luts(graph), graph.adders, len(found), graph, logic))
    *_, graph, logic = min(found, key=lambda entry: entry[:3])
    return Peer(graph, _verilog(logic))


@dataclass
class _Reader:
    """da4ml's operations, additions and subtractions of shifted values, as nodes whose own sign is kept aside."""

    inputs: int
    in_type: IntType
    lo: int
    hi: int
    nodes: list[Node] = field(default_factory=list)

    def read(self, logic: Any) -> AdderGraph:
        self.vectors = list(np.eye(self.inputs, dtype=np.int64))
        values: list[Term | None] = []
        for op in logic.ops:
            match op.opcode:
                case -1:  # an input
                    values.append(Term(op.id0, int(logic.inp_shifts[op.id0])))
                case 0 | 1:
                    right = _moved(values[op.id1], int(op.data), 1 - 2 * op.opcode)
                    values.append(self.joined(values[op.id0], right))
                case 3:  # to the type that it has
                    values.append(values[op.id0])
                case 5 if op.data == 0:
                    values.append(None)
                case other:
                    raise AssertionError(f"da4ml's operation {other} is none of a matrix")
        ends = zip(logic.out_idxs, logic.out_shifts, logic.out_negs, strict=True)
        moved = [None if i < 0 else _moved(values[i], int(shift), -1 if neg else 1) for i, shift, neg in ends]
        outputs = [t if t is None or t.sign > 0 else Term(self.node(Kind.NEGATE, t.value), t.shift) for t in moved]
        return AdderGraph(self.inputs, self.in_type, tuple(self.nodes), tuple(outputs))

    def joined(self, one: Term | None, two: Term | None) -> Term:
        assert one is not None and two is not None
        low = min(one.shift, two.shift)
        if one.sign == two.sign:
            first, second = sorted((one, two), key=lambda t: t.shift)
            return Term(self.node(Kind.ADD, first.value, second.value, 0, second.shift - low), low, one.sign)
        plus, minus = (one, two) if one.sign > 0 else (two, one)
        return Term(self.node(Kind.SUBTRACT, plus.value, minus.value, plus.shift - low, minus.shift - low), low)

    def node(self, kind: Kind, left: int, right: int = 0, left_shift: int = 0, right_shift: int = 0) -> int:
        one, two = self.vectors[left] << left_shift, self.vectors[right] << right_shift
        vector = {Kind.ADD: one + two, Kind.SUBTRACT: one - two, Kind.NEGATE: -one}[kind]
        dtype = IntType.for_range(*value_range(vector, self.lo, self.hi))
        self.nodes.append(Node(kind, dtype, left, right, left_shift, right_shift))
        self.vectors.append(vector)
        return len(self.vectors) - 1


def _moved(term: Term | None, shift: int, sign: int = 1) -> Term | None:
    return None if term is None else Term(term.value, term.shift + shift, term.sign * sign)


def _verilog(logic: Any) -> dict[PurePosixPath, str | bytes]:
    """Its module, and those that it instantiates, unchanged."""
    from da4ml import codegen
    from da4ml.codegen.rtl.verilog.comb import comb_logic_gen  # type: ignore[import-not-found]

    sources = Path(codegen.__file__).parent / "rtl" / "verilog" / "source"
    files: dict[PurePosixPath, str | bytes] = {
        PurePosixPath(f"{path.stem}.sv"): path.read_text(encoding="utf-8") for path in sorted(sources.glob("*.v"))
    }
    return files | {PurePosixPath(f"{TOP}.sv"): comb_logic_gen(logic, TOP)}
