"""Registers for an adder graph: after every so many levels of adders, and one in front of every output."""

from __future__ import annotations

from dataclasses import dataclass, field

from flows.adders.graph import AdderGraph, Kind, Node, Term
from flows.graph import IntType


def pipelined(graph: AdderGraph, levels: int) -> AdderGraph:
    """The same outputs, all `latency(graph)` >= 1 registers behind the inputs, at most `levels` adders between two.

    A value that is read several stages later is delayed once, for all its readers. Outputs that are equal share their
    register.
    """
    if levels < 1:
        raise ValueError(f"at least one level of adders between registers, not {levels}")
    work = _Work(graph.inputs, [graph.input_type] * graph.inputs)
    depths = graph.depths()
    stages = [max(0, (depth - 1) // levels) for depth in depths]
    last = max((stages[t.value] for t in graph.outputs if t), default=0) + 1
    places = list(range(graph.inputs))
    for number, node in enumerate(graph.nodes):
        stage = stages[graph.inputs + number]
        left = work.at(places[node.left], stages[node.left], stage)
        binary = node.kind in (Kind.ADD, Kind.SUBTRACT)
        right = work.at(places[node.right], stages[node.right], stage) if binary else left
        places.append(work.append(Node(node.kind, node.dtype, left, right, node.left_shift, node.right_shift)))
    outputs: list[Term | None] = []
    for term in graph.outputs:
        if term is None:
            outputs.append(None)
        else:
            outputs.append(Term(work.at(places[term.value], stages[term.value], last), term.shift, term.sign))
    return AdderGraph(graph.inputs, graph.input_type, tuple(work.made), tuple(outputs))


def latency(graph: AdderGraph) -> int:
    """Registers from an input to an output; at least 1 where `pipelined` made the graph."""
    found = graph.latencies()
    return max((found[t.value] for t in graph.outputs if t), default=1)


@dataclass
class _Work:
    inputs: int
    types: list[IntType]
    made: list[Node] = field(default_factory=list)
    delayed: dict[int, int] = field(default_factory=dict)
    """Value to the value behind one register more."""

    def append(self, node: Node) -> int:
        self.made.append(node)
        self.types.append(node.dtype)
        return self.inputs + len(self.made) - 1

    def at(self, value: int, stage: int, wanted: int) -> int:
        """`value`, which exists in `stage`, as it is `wanted` - stage registers later."""
        for _ in range(wanted - stage):
            if value not in self.delayed:
                self.delayed[value] = self.append(Node(Kind.REGISTER, self.types[value], value))
            value = self.delayed[value]
        return value
