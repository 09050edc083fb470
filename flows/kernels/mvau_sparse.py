"""MVAU that skips tiles of zero weights, on `mvau_sparse.sv`: cycles follow the weights that are there, not the matrix.

A tile is what one cycle multiplies: SIMD inputs by PE outputs. A tight l1 norm leaves most weights zero, so that the
same rate needs fewer lanes; the memory says of every tile which inputs it takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from flows.beats import pack
from flows.design import Fold, Lowered, MemFile, Param
from flows.graph import MVAU, Graph, IntArray, IntType

WORTH = 0.75
"""Share of the tiles that may be left where skipping the others is considered at all."""
MOST_TILES = 800
"""The cycle model knows the order of so many."""


def legal(op: MVAU, folds: Iterable[Fold]) -> tuple[Fold, ...]:
    """Those of `folds`, legal ones of the folded MVAU, that skip enough. Not among an MVAU's legal foldings by itself:
    every weight is looked at for every one of them.
    """
    return tuple(replace(fold, impl="sparse") for fold in folds if pays(op, fold))


def pays(op: MVAU, fold: Fold) -> bool:
    """Whether enough tiles of `fold` are zero for the memory to say which are not."""
    used = _used(_blocks(op, fold)).sum(axis=1)
    left = int(np.maximum(used, 1).sum())
    return left + op.mw // fold.simd + 2 <= MOST_TILES and left <= WORTH * used.size * (op.mw // fold.simd)


def _blocks(op: MVAU, fold: Fold) -> IntArray:
    """(NF, SF, PE*SIMD): the tiles, their weights in the memory's order."""
    sf, nf = op.mw // fold.simd, op.mh // fold.pe
    return op.weights.reshape(sf, fold.simd, nf, fold.pe).transpose(2, 0, 3, 1).reshape(nf, sf, -1)


def _used(blocks: IntArray) -> npt.NDArray[np.bool_]:
    return np.asarray(np.any(blocks, axis=2), dtype=np.bool_)


def tiles(op: MVAU, fold: Fold) -> tuple[IntArray, IntArray, IntArray]:
    """(weights (T, PE*SIMD) in the memory's order, input beat sf (T,), 1 where it is the last of its outputs (T,)).

    Every fold of outputs has at least one tile. Where a vector would have SF - 1 to SF + 1 tiles, tiles of zeros make
    them SF + 2: the two vectors that the module holds then never wait for each other.
    """
    sf, blocks = op.mw // fold.simd, _blocks(op, fold)
    used = [np.flatnonzero(row).tolist() or [0] for row in _used(blocks)]
    count = sum(map(len, used))
    spare = sf + 2 - count if abs(count - sf) <= 1 else 0
    words = [blocks[n, s] for n, row in enumerate(used) for s in row]
    words += [np.zeros_like(blocks[0, 0])] * spare
    beats = [s for row in used for s in row] + [0] * spare
    last = [int(i == len(row) - 1) for row in used for i in range(len(row))] + [0] * spare
    if spare:
        last[count - 1], last[-1] = 0, 1
    return np.array(words), np.array(beats), np.array(last)


def lower(
    graph: Graph, op: MVAU, fold: Fold, shape: Mapping[str, Param], weight_type: IntType, lane_bits: tuple[int, ...]
) -> Lowered:
    """The module `mvau_sparse`; arguments as `mvau.lower` derives them; `shape`: the parameters of both modules."""
    h, w, _ = graph[op.outputs[0]].shape
    sf = op.mw // fold.simd
    words, beats, last = tiles(op, fold)
    out_type = IntType(max(lane_bits), signed=True)
    file = f"{op.name}_tiles.hex"
    return Lowered(
        module="mvau_sparse",
        params={**shape, "TILES": len(words), "WEIGHT_FILE": file, "RAM_STYLE": fold.ram_style},
        in_lanes=fold.simd,
        out_lanes=fold.pe,
        out_type=out_type,
        work_beats=h * w * max(len(words), sf),
        memories=(_image(file, words, beats, last, weight_type, (sf - 1).bit_length()),),
        lane_bits=lane_bits,
    )


def _image(name: str, words: IntArray, beats: IntArray, last: IntArray, dtype: IntType, index_bits: int) -> MemFile:
    weight_bits = words.shape[1] * dtype.bits
    digits = -(-(weight_bits + index_bits + 1) // 4)
    lines = []
    for packed, beat, end in zip(pack(words, dtype.bits), beats, last, strict=True):
        word = int.from_bytes(packed.tobytes(), "little") & (1 << weight_bits) - 1
        lines.append(f"{word | int(beat) << weight_bits | int(end) << (weight_bits + index_bits):0{digits}x}\n")
    return MemFile(name, "".join(lines))
