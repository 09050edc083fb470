"""Sorts the output channels of folded MVAUs, so that a PE lane has channels of equal accumulator widths.

Lane p sums the channels c = p (mod PE) in one accumulator, which is as wide as the widest of them needs. In another
order the same channels need fewer bits in all; the order goes through thresholds, windows, pools and depthwise layers,
and ends in the rows of the MVAUs that read them. Where anything else does, a sum of branches, a concatenation, a pixel
shuffle, the choice of a label or the network's output, the order stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from flows.accumulators import analyse
from flows.channels.rewrite import Rewritten, rewrite, unchanged
from flows.design import Folding
from flows.graph import (
    MVAU,
    VVAU,
    ConvolutionInputGenerator,
    Flatten,
    FMPadding,
    FMPaddingPixel,
    GlobalAccPool,
    Graph,
    IntArray,
    Pool,
    Thresholding,
    UpsampleNearest,
    Weighted,
)
from flows.kernels import mvau_sparse

KEEPS = (
    VVAU, Thresholding, FMPadding, FMPaddingPixel, ConvolutionInputGenerator, Pool, Flatten, GlobalAccPool,
    UpsampleNearest,
)  # fmt: skip
"""Operators that work channel by channel: what they make is in the order of what they take."""


def permute_channels(graph: Graph, folding: Folding) -> Rewritten:
    """`graph` with channels in the order that needs the fewest accumulator bits; the order is kept where none gains.

    Widths are those of the policy "exact", whatever is built. No layer gets slower, or has more tiles to hold.
    """
    whole = unchanged(graph)
    before = _Built.of(graph, folding)
    channels, best = dict(whole.channels), before
    for op in graph.of_type(MVAU):
        tensors = _region(graph, op, folding)
        for order in _orders(graph, tensors, best, folding, channels):
            tried = {**channels, **{name: _along(order, copies) for name, copies in tensors.items()}}
            found = _Built.of(rewrite(graph, tried).graph, folding)
            if found.better(best):
                channels, best = tried, found
    return rewrite(graph, channels) if best is not before else whole


def lane_bits(graph: Graph, folding: Folding) -> dict[str, int]:
    """Bits of all accumulator lanes of every MVAU and VVAU, under the policy "exact"."""
    bits = {name: w.exact for name, w in analyse(graph).items()}
    return {n: sum(max(b[p :: folding[n].pe]) for p in range(folding[n].pe)) for n, b in bits.items()}


@dataclass(frozen=True, eq=False)
class _Built:
    """A graph as it would be built: by layer `bits` of every output channel, of all `lanes` together; `tiles` held."""

    bits: Mapping[str, tuple[int, ...]]
    lanes: Mapping[str, int]
    tiles: Mapping[str, int]

    @classmethod
    def of(cls, graph: Graph, folding: Folding) -> _Built:
        bits = {name: w.exact for name, w in analyse(graph).items()}
        sparse = [op for op in graph.of_type(MVAU) if folding[op.name].impl == "sparse"]
        return cls(
            bits, lane_bits(graph, folding), {op.name: len(mvau_sparse.tiles(op, folding[op.name])[0]) for op in sparse}
        )

    def better(self, other: _Built) -> bool:
        """Fewer bits, and no more tiles, which are time and memory: they may come together or apart."""
        fewer = sum(self.lanes.values()) < sum(other.lanes.values())
        return fewer and all(tiles <= other.tiles[name] for name, tiles in self.tiles.items())


def _region(graph: Graph, source: MVAU, folding: Folding) -> dict[str, int]:
    """{tensor: how often it holds the channels of `source`} from there to the MVAUs that read them.

    Empty where anything else reads them, or they are made or read as logic, to which the order means nothing.
    """
    found = {source.outputs[0]: 1}
    logic = [op.name for op in graph.of_type(MVAU) if folding[op.name].impl == "const"]
    for op in graph.ops:
        if not any(name in found for name in op.inputs):
            continue
        if not isinstance(op, (*KEEPS, MVAU)) or op.name in logic:
            return {}
        if not isinstance(op, MVAU):
            old, new = (graph[name].shape[2] for name in (op.inputs[0], op.outputs[0]))
            found[op.outputs[0]] = found[op.inputs[0]] * new // old
    whole = all(graph[name].shape[2] == copies * source.mh for name, copies in found.items())
    closed = whole and source.name not in logic and not any(name in found for name in graph.outputs)
    return found if closed else {}


def _orders(
    graph: Graph, tensors: Mapping[str, int], built: _Built, folding: Folding, channels: Mapping[str, IntArray]
) -> Iterator[IntArray]:
    """Orders of the channels of `graph`, (C,) each, that suit one of the layers that make `tensors`."""
    for op in graph.of_type(Weighted):
        if op.outputs[0] in tensors:
            yield channels[op.outputs[0]][by_lane(built.bits[op.name], folding[op.name].pe)]


def by_lane(bits: Sequence[int] | IntArray, pe: int) -> IntArray:
    """An order, (C,), in which the lanes c = p (mod `pe`) need the fewest bits in all; few channels change places.

    What the lanes may be wide, the channels say when they stand by width, those of a lane next to each other. The lane
    with the widest channels keeps the widest width, and so on; a channel too wide for its lane changes places with one
    of a wider lane that fits. Those that are left always have enough that do.
    """
    width = np.asarray(bits)
    order = np.arange(len(width), dtype=np.int64)
    limits = np.sort(width)[::-1].reshape(pe, -1).max(axis=1)
    lanes = sorted(range(pe), key=lambda p: np.sort(width[p::pe])[::-1].tolist(), reverse=True)
    for rank in reversed(range(pe)):
        wider = [place for lane in lanes[:rank] for place in range(lane, len(order), pe)]
        for place in range(lanes[rank], len(order), pe):
            if width[order[place]] > limits[rank]:
                fits = [other for other in wider if width[order[other]] <= limits[rank]]
                other = max(fits, key=lambda o: int(width[order[o]]))
                order[[place, other]] = order[[other, place]]
    return order


def _along(order: IntArray, copies: int) -> IntArray:
    return np.concatenate([order + n * len(order) for n in range(copies)])
