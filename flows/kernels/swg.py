"""ConvolutionInputGenerator: SIMD lanes, one output beat per cycle, the smallest memory that allows it.

On `swg.sv` a beat is SIMD channels of one pixel of a window; with `parallel_window`, on `swg_parallel.sv`, of all.
"""

from __future__ import annotations

from functools import lru_cache
from typing import cast

import numpy as np

from flows.design import Fold, Lowered, Param
from flows.errors import InfeasibleFolding
from flows.graph import ConvolutionInputGenerator, Graph, IntArray, IntType, Op
from flows.kernels.base import divisors, require_divisor, require_one

RAM_STYLES = ("auto", "distributed", "block")


def legal(graph: Graph, op: Op) -> tuple[Fold, ...]:
    """A fold for every divisor of the channels, then whole windows a beat: of all channels, or depthwise of some."""
    swg = cast(ConvolutionInputGenerator, op)
    channels = graph[op.inputs[0]].shape[2]
    whole = divisors(channels) if swg.depthwise else (channels,)
    return (
        *(Fold(pe=1, simd=simd) for simd in divisors(channels)),
        *(Fold(pe=1, simd=simd, parallel_window=True) for simd in whole),
    )


def lower(graph: Graph, op: Op, fold: Fold, in_type: IntType, acc: tuple[int, ...] | None) -> Lowered:
    """See flows.kernels.base. `fold.simd` divides the channels, `fold.pe` is 1.

    Whole windows hold all channels, unless `op` is depthwise: an MVAU sums over all of them.
    """
    swg = cast(ConvolutionInputGenerator, op)
    h, w, c = graph[op.inputs[0]].shape
    oh, ow, _ = graph[op.outputs[0]].shape
    (kh, kw), (sh, sw), (dh, dw) = swg.kernel, swg.stride, swg.dilation
    require_one(op, "PE", fold.pe)
    require_divisor(op, "SIMD", fold.simd, c, "the channels")
    if fold.parallel_window and not swg.depthwise and fold.simd != c:
        raise InfeasibleFolding(
            f"{op.name}: with parallel_window = 1, SIMD must be all {c} channels, not {fold.simd}, as the next layer "
            "sums over them"
        )
    if fold.ram_style not in RAM_STYLES:
        raise InfeasibleFolding(f"{op.name}: ram_style = {fold.ram_style!r}; legal values: {', '.join(RAM_STYLES)}")
    folds = c // fold.simd
    shape: dict[str, Param] = {
        "WIDTH": fold.simd * in_type.bits, "FOLDS": folds, "H": h, "W": w, "KH": kh, "KW": kw, "SH": sh, "SW": sw,
        "DH": dh, "DW": dw,
    }  # fmt: skip
    window, group = (kh * kw, fold.simd) if swg.depthwise else (0, 0)
    if fold.parallel_window:
        params = {**shape, "RAM_STYLE": fold.ram_style}
        return Lowered(
            "swg_parallel", params, fold.simd, kh * kw * fold.simd, in_type, oh * ow * folds, out_window=window,
            out_group=group,
        )  # fmt: skip
    depth = folds * min_pixels((h, w), swg.kernel, swg.stride, swg.dilation, folds, swg.depthwise)
    params = {**shape, "DEPTHWISE": int(swg.depthwise), "DEPTH": depth, "RAM_STYLE": fold.ram_style}
    return Lowered(
        "swg", params, fold.simd, fold.simd, in_type, oh * ow * kh * kw * folds, out_window=window, out_group=group
    )


@lru_cache(maxsize=4096)
def min_pixels(
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    folds: int,
    depthwise: bool,
) -> int:
    """Fewest pixels of ring memory with which `swg.sv` takes max(input beats, output beats) cycles per frame.

    Time in cycles, F = `folds` beats a pixel, L beats a window; pixel P of the endless stream is written at W(P) to
    W(P)+F-1, the last beat of window n is read at T(n). Window n begins at pixel b(n), ends at pixel e(n), and gives
    the pixels before b(n+1) up at T(n). With D pixels of memory the module obeys, and reaches, the earliest times of

        W(P) = max(W(P-1) + F,  T(m) + 1  where window m gives up pixel P-D)
        T(n) = max(T(n-1) + L,  W(e(n)) + C)

    C = F, for the last beat of the window is the one to wait for; depthwise the first beat of its last pixel is, and
    then C = 1 + (F-1)*KH*KW. The rate is limited by input or output alone exactly where that side never waits:

    - input beats > output beats: W(P) = P*F, and so T(m) + 1 <= (b(m) + D)*F for every m gives D directly.
    - otherwise: T(n) = T(n-1) + L, and W(e(n)) + C <= T(n) for every n, with the writes as early as they can be.
      It holds from some D on, which bisection finds.
    """
    begins, ends, per_frame = _windows(size, kernel, stride, dilation)
    pixels, length = size[0] * size[1], kernel[0] * kernel[1] * folds
    last = 1 + (folds - 1) * kernel[0] * kernel[1] if depthwise else folds
    span = int(ends[0] - begins[0]) + 1
    if pixels * folds > per_frame * length:
        order = np.arange(len(begins)) * length
        reads = order + np.maximum.accumulate(ends * folds + last - order)
        needed = -(-(reads + 1) // folds) - begins
        return max(span, int(needed[per_frame:].max()))
    reads = np.arange(len(begins)) * length
    low, high = span, 4 * pixels
    while low < high:
        middle = (low + high) // 2
        if _reads_never_wait(middle, begins, ends, reads, per_frame, folds, last):
            high = middle
        else:
            low = middle + 1
    return low


def _windows(
    size: tuple[int, int], kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int]
) -> tuple[IntArray, IntArray, int]:
    """First and last pixel of every window of six frames (more than the ring can reach back), and windows per frame."""
    (h, w), (kh, kw), (sh, sw), (dh, dw) = size, kernel, stride, dilation
    oh, ow = (h - (kh - 1) * dh - 1) // sh + 1, (w - (kw - 1) * dw - 1) // sw + 1
    frame = (np.arange(oh)[:, None] * sh * w + np.arange(ow) * sw).reshape(-1)
    begins = (np.arange(6)[:, None] * h * w + frame).reshape(-1)
    return begins, begins + (kh - 1) * dh * w + (kw - 1) * dw, oh * ow


def _reads_never_wait(
    depth: int, begins: IntArray, ends: IntArray, reads: IntArray, per_frame: int, folds: int, last: int
) -> bool:
    """Whether, with T = `reads`, every W(e(n)) + C <= T(n) in the last frame.

    Unrolled, W(P) = P*F + max of T(m) + 1 - (b(m) + D)*F over the windows m with b(m) + D <= P: each starts to give
    up memory at pixel b(m).
    """
    waits = np.maximum.accumulate(reads + 1 - (begins + depth) * folds)
    frame = slice(len(begins) - per_frame, None)
    blocking = np.searchsorted(begins + depth, ends[frame], side="right") - 1
    writes = ends[frame] * folds + waits[np.maximum(blocking, 0)]
    return bool(np.all((blocking < 0) | (writes + last <= reads[frame])))
