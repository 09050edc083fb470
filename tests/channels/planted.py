"""Random networks with dead channels: unread, zero, constant; with windows, pools, depthwise layers and branches."""

from __future__ import annotations

import random

import numpy as np

from flows.design import Fold
from flows.graph import (
    MVAU,
    VVAU,
    Add,
    ChannelSlice,
    Concat,
    DepthToSpace,
    Flatten,
    FMPaddingPixel,
    GlobalAccPool,
    Graph,
    IntType,
    LabelSelect,
    Pool,
    Tensor,
    Thresholding,
    UpsampleNearest,
)
from flows.kernels.registry import kernel_of
from tests.random_graphs import Grower

WEIGHTS, CODES = IntType(4, True), IntType(3, False)


class Planted:
    """Grows a network layer by layer; what is drawn depends on `seed` alone."""

    def __init__(self, seed: int, h: int = 6, w: int = 6, c: int = 3) -> None:
        self.draw, self.rng = random.Random(seed), np.random.default_rng(seed)
        self.g = Grower(self.draw.randint, "")
        dtype = IntType(4, False)
        self.g.tensors["x"] = Tensor("x", (h, w, c), dtype, dtype.min, dtype.max)

    def chance(self, p: float) -> bool:
        return self.draw.random() < p

    def channels(self, x: str) -> int:
        return self.g.tensors[x].shape[2]

    def mvau(self, x: str, mh: int, pixels: int = 1, dead: float = 0.25) -> str:
        """`x` holds `pixels` times the same channels, of which some are not read; some outputs are zero."""
        weights = self.rng.integers(-7, 8, (self.channels(x), mh)) * (self.rng.random((self.channels(x), mh)) < 0.6)
        weights[:, self.rng.random(mh) < dead] = 0
        weights[np.tile(self.rng.random(self.channels(x) // pixels) < dead, pixels)] = 0
        return self.g.append(MVAU, (x,), weights, WEIGHTS)

    def thresholds(self, x: str, dead: float = 0.2) -> str:
        """To 3 bits; some channels are constant: 0, all, or between."""
        t, c = self.g.tensors[x], self.channels(x)
        steps = np.sort(self.rng.integers(t.lo // 2, t.hi // 2 + 1, (c, 7)), axis=1)
        for row in np.flatnonzero(self.rng.random(c) < dead):
            steps[row] = t.hi + 1
            steps[row, : self.draw.choice((0, 0, 3, 7))] = t.lo
        return self.g.append(Thresholding, (x,), steps, 0, dtype=CODES)

    def convolution(self, x: str, mh: int, padded: bool) -> str:
        x = self.g.pad(x, (1, 1, 1, 1)) if padded else x
        return self.thresholds(self.mvau(self.g.window(x, (3, 3), (1, 1), (1, 1), False), mh, 9))

    def depthwise(self, x: str) -> str:
        x = self.g.pad(x, (1, 0, 1, 0)) if self.chance(0.5) else x
        windows = self.g.window(x, (2, 2), (1, 1), (1, 1), True)
        if self.chance(0.5):
            return self.g.append(Pool, (windows,), 4, function=self.draw.choice(("max", "sum")))
        weights = self.rng.integers(-7, 8, (4, self.channels(x)))
        weights[:, self.rng.random(self.channels(x)) < 0.2] = 0
        return self.thresholds(self.g.append(VVAU, (windows,), weights, WEIGHTS))

    def branches(self, x: str) -> str:
        other = self.thresholds(self.mvau(x, self.channels(x)))
        match self.draw.randrange(4):
            case 0:
                return self.thresholds(self.g.append(Add, (x, other), (1, -2)))
            case 1:
                return self.g.append(Concat, (other, x))
            case 2:
                return self.g.append(ChannelSlice, (self.g.append(Concat, (x, other)),), 1, self.channels(x) + 2)
            case _:
                return self.g.append(DepthToSpace, (self.thresholds(self.mvau(other, 8)),), 2)

    def grown(self) -> Graph:
        x = self.convolution("x", self.draw.randint(3, 8), True)
        for _ in range(self.draw.randint(1, 3)):
            h, w, _ = self.g.tensors[x].shape
            move = self.draw.randrange(6)
            if move <= 1:
                x = self.convolution(x, self.draw.randint(2, 8), min(h, w) < 5 or self.chance(0.5))
            elif move == 2 and min(h, w) > 2:
                x = self.depthwise(x)
            elif move == 3:
                x = self.branches(x)
            elif move == 4 and max(h, w) < 7:
                x = self.thresholds(self.mvau(self.g.append(UpsampleNearest, (x,), (2, 1)), 4))
            else:
                x = self.thresholds(self.mvau(self.g.append(FMPaddingPixel, (x,), (1, 2)), 5))
        h, w, _ = self.g.tensors[x].shape
        if self.chance(0.5):
            x = self.mvau(self.g.append(Flatten, (x,)), 5, h * w)
        else:
            x = self.mvau(self.thresholds(self.g.append(GlobalAccPool, (x,))), 5)
        return self.graph(self.g.append(LabelSelect, (x,), k=2) if self.chance(0.5) else x)

    def graph(self, last: str) -> Graph:
        graph = Graph("planted", ("x",), (last,), tuple(self.g.ops), self.g.tensors)
        graph.validate()
        return graph

    def frames(self, graph: Graph, count: int = 12) -> dict[str, np.ndarray]:
        """Random ones, and the darkest and the brightest."""
        t = graph["x"]
        frames = self.rng.integers(t.lo, t.hi + 1, (count, *t.shape))
        frames[0], frames[1] = t.lo, t.hi
        return {"x": frames}

    def folding(self, graph: Graph, impls: tuple[str, ...] = ("auto",)) -> dict[str, Fold]:
        """Some legal folding."""
        found: dict[str, Fold] = {}
        for op in graph.ops:
            if isinstance(op, Flatten):
                continue
            legal = [f for f in kernel_of(op).legal(graph, op) if not f.parallel_window]
            if isinstance(op, Pool | VVAU):
                legal = [f for f in legal if f.pe == found[graph.producer(op.inputs[0]).name].simd]
            fold = self.draw.choice(legal)
            impl = self.draw.choice(impls) if isinstance(op, MVAU) else "auto"
            found[op.name] = Fold(fold.pe, fold.simd, impl=impl)
        return found
