"""Small untrained accelerators on a simulated board, for the driver's tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from flows.accumulators import analyse
from flows.boards import BOARDS, Board
from flows.design import Design, Files
from flows.elaborate import elaborate
from flows.emit import ps, pynq
from flows.files import write_tree
from flows.folding import Request, choose
from flows.frontend.spec import Imported, InputSpec, OutputSpec
from flows.golden import evaluate
from flows.graph import Graph, IntArray
from flows.simulate.driver import SimulatedBoard, build_board
from tests.networks import Chain


@dataclass(frozen=True, eq=False)
class Small:
    """A package in `deploy`, its simulated board, the frames it takes and what the golden model gives for them."""

    graph: Graph
    design: Design
    imported: Imported
    hardware: Files
    simulated: SimulatedBoard
    deploy: Path
    frames: np.ndarray
    codes: IntArray
    output: IntArray

    def package(self, folder: Path) -> Path:
        """A deploy folder of its own with a bitfile, for a test that changes it."""
        write_tree(folder, {p.relative_to(self.deploy): p.read_bytes() for p in self.deploy.iterdir() if p.is_file()})
        self.simulated.bitfile(folder)
        return folder


def small(
    folder: Path,
    board: str = "pynq-z2",
    chain: Chain | None = None,
    frames: int = 40,
    name: str = "net",
    target: int = 40,
) -> Small:
    """Builds one for `target` cycles a frame: by default two dense layers, of which the last has signed outputs."""
    chain = chain or Chain((1, 1, 12), bits=4, seed=1).mvau(8).thresholds(3).mvau(5)
    graph, where = chain.graph(name), BOARDS[board]
    widths = {n: w.implemented("exact") for n, w in analyse(graph).items()}
    design = elaborate(graph, choose(graph, Request({}, target)), widths)
    h, w, c = graph[graph.inputs[0]].shape
    bits = graph[graph.inputs[0]].dtype.bits
    host = InputSpec((c, h, w), 0.5, 0, bits, False, False, (0, 2, 3, 1), (h, w, c))
    last = graph[graph.outputs[0]]
    out = OutputSpec((last.shape[2], *last.shape[:2]), ())
    imported = Imported(graph, host, out, {})
    floats = np.random.default_rng(3).uniform(-1.0, (1 << bits) * 0.5 + 1, (frames, c, h, w))
    codes = host.quantize(floats)
    golden = evaluate(graph, {graph.inputs[0]: codes})
    hardware = ps.emit(design, where)
    files = pynq.emit(design, imported, where, 10.0, pynq.vectors_file(imported, golden, floats))
    write_tree(folder / "deploy", files)
    simulated = build_board(hardware, where, folder / "board")
    return Small(
        graph, design, imported, hardware, simulated, folder / "deploy", floats, codes, golden[graph.outputs[0]]
    )


def other_board(name: str) -> Board:
    return next(board for board in BOARDS.values() if board.part != BOARDS[name].part)
