"""What the cycle model knows of every module: the kind of its control logic and the numbers that it takes.

One function a kind, which reads the parameters that the instance has in RTL; `flows/cycles/engine.cpp` holds the kinds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import IntEnum

from flows.design import Instance
from flows.errors import UnsupportedModel

PARAMETERS = 15
"""As `kParameters` of the engine."""
TILES_A_NUMBER = 62
"""A bit each, in a signed number."""

Numbers = tuple[int, ...]


class Kind(IntEnum):
    """As the engine's `Kind`."""

    FIFO = 0
    PIPE = 1
    PAD = 2
    PAD_PIXEL = 3
    FREE = 4
    CONCAT = 5
    TOP_K = 6
    WINDOW = 7
    UPSAMPLE = 8
    SHUFFLE = 9
    DUPLICATE = 10
    GRID = 11
    TILES = 12


def timing(instance: Instance) -> tuple[Kind, Numbers]:
    """Kind and parameters of an instance. Raises UnsupportedModel where its module has no cycle model."""
    if instance.module == "mvau_sparse":
        kind, numbers = _mvau_sparse(instance)
        return kind, numbers + (0,) * (PARAMETERS - len(numbers))
    find = MODULES.get(instance.module)
    if find is None:
        raise UnsupportedModel(f"{instance.name}: the module {instance.module} has no cycle model")
    kind, numbers = find({key: int(v) for key, v in instance.params.items() if isinstance(v, int)})
    return kind, numbers + (0,) * (PARAMETERS - len(numbers))


def _fifo(p: Mapping[str, int]) -> tuple[Kind, Numbers]:
    return Kind.FIFO, (p["DEPTH"],)


def _mvau(p: Mapping[str, int]) -> tuple[Kind, Numbers]:
    """Operands, sums of the planes, products: 3 registers; one more accumulates, one more replays the input."""
    sf, nf = p["MW"] // p["SIMD"], p["MH"] // p["PE"]
    return Kind.PIPE, (sf, nf, 3 + (sf > 1) + (sf > 1 and nf > 1))


def _mvau_dsp(p: Mapping[str, int]) -> tuple[Kind, Numbers]:
    """Operands, three of a slice, products, sums: 6 registers; one more in long cascades, one replays the input."""
    sf, nf = p["MW"] // p["SIMD"], p["MH"] // p["PE"]
    return Kind.PIPE, (sf, nf, 6 + (p["CHAIN"] > 4) + (sf > 1 and nf > 1))


def _mvau_const(p: Mapping[str, int]) -> tuple[Kind, Numbers]:
    return Kind.PIPE, (1, 1, p["STAGES"])


def _mvau_sparse(instance: Instance) -> tuple[Kind, Numbers]:
    """Which tiles end an output, from the memory: the highest bit of a tile's word."""
    p = {key: int(v) for key, v in instance.params.items() if isinstance(v, int)}
    beats = p["MW"] // p["SIMD"]
    end = p["PE"] * p["SIMD"] * p["WEIGHT_BITS"] + (beats - 1).bit_length()
    lasts = [int(word, 16) >> end & 1 for word in instance.memories[0].text.split()]
    step = TILES_A_NUMBER
    words = [sum(bit << n for n, bit in enumerate(lasts[at : at + step])) for at in range(0, len(lasts), step)]
    if len(words) > PARAMETERS - 2:
        most = step * (PARAMETERS - 2)
        raise UnsupportedModel(f"{instance.name}: the cycle model knows up to {most} tiles, not {len(lasts)}")
    return Kind.TILES, (beats, len(lasts), *words)


def _vvau(p: Mapping[str, int]) -> tuple[Kind, Numbers]:
    beats = p["K"] // p.get("SIMD", 1)
    return Kind.PIPE, (beats, 1, 3 + (beats > 1))


def _thresholding(p: Mapping[str, int]) -> tuple[Kind, Numbers]:
    return Kind.PIPE, (1, 1, p["THRESHOLDS"].bit_length() + 1)


def _thresholding_const(p: Mapping[str, int]) -> tuple[Kind, Numbers]:
    return Kind.PIPE, (1, 1, p["STAGES"])


def _labelselect(p: Mapping[str, int]) -> tuple[Kind, Numbers]:
    return Kind.PIPE, (p["CLASSES"] // p["PE"], 1, 2)


def _pool(p: Mapping[str, int]) -> tuple[Kind, Numbers]:
    return Kind.PIPE, (p["WINDOW"], 1, 1)


def _add(p: Mapping[str, int]) -> tuple[Kind, Numbers]:
    return Kind.PIPE, (1, 1, 1)


def _dwc(p: Mapping[str, int]) -> tuple[Kind, Numbers]:
    wide, narrow = max(p["IN_WIDTH"], p["OUT_WIDTH"]), min(p["IN_WIDTH"], p["OUT_WIDTH"])
    ratio = wide // narrow
    return Kind.PIPE, (ratio, 1, 1) if p["OUT_WIDTH"] > p["IN_WIDTH"] else (1, ratio, 1)


def _fmpadding(p: Mapping[str, int]) -> tuple[Kind, Numbers]:
    right, below = p["PAD_L"] + p["W"], p["PAD_T"] + p["H"]
    return Kind.PAD, (p["FOLDS"], right + p["PAD_R"], below + p["PAD_B"], p["PAD_L"], right, p["PAD_T"], below)


def _fmpadding_pixel(p: Mapping[str, int]) -> tuple[Kind, Numbers]:
    return Kind.PAD_PIXEL, (p["FOLDS"], p["W"], p["H"], p["SH"], p["SW"])


def _channelslice(p: Mapping[str, int]) -> tuple[Kind, Numbers]:
    return Kind.FREE, (p["FOLDS"], p["START"], p["STOP"])


def _globalaccpool(p: Mapping[str, int]) -> tuple[Kind, Numbers]:
    beats = p["FOLDS"] * p["PIXELS"]
    return Kind.FREE, (beats, beats - p["FOLDS"], beats)


def _concat(p: Mapping[str, int]) -> tuple[Kind, Numbers]:
    return Kind.CONCAT, (p["FOLDS0"], p["FOLDS0"] + p["FOLDS1"])


def _labelselect_topk(p: Mapping[str, int]) -> tuple[Kind, Numbers]:
    return Kind.TOP_K, (p["CLASSES"], p["K"])


def _swg(p: Mapping[str, int]) -> tuple[Kind, Numbers]:
    """The steps of the read position and what is released, as the localparams of `swg.sv`."""
    folds, h, w, kh, kw = p["FOLDS"], p["H"], p["W"], p["KH"], p["KW"]
    sh, sw, dh, dw, depthwise = p["SH"], p["SW"], p["DH"], p["DW"], p["DEPTHWISE"]
    oh, ow = (h - (kh - 1) * dh - 1) // sh + 1, (w - (kw - 1) * dw - 1) // sw + 1
    far, last = ((kh - 1) * dh * w + (kw - 1) * dw) * folds, folds - 1
    back = (ow - 1) * sw * folds
    releases = (sw * folds, sh * w * folds - back, (h - (oh - 1) * sh) * w * folds - back)
    within = 0 if depthwise else last
    step_kw, step_kh = dw * folds - within, dh * w * folds - (kw - 1) * dw * folds - within
    loops, steps = ((folds, kw, kh), (1, step_kw, step_kh))
    if depthwise:
        loops, steps = (kw, kh, folds), (step_kw, step_kh, 1 - far)
    return Kind.WINDOW, (p["DEPTH"], *loops, ow, oh, *steps, *(r - far - last for r in releases), *releases)


def _swg_parallel(p: Mapping[str, int]) -> tuple[Kind, Numbers]:
    """A window comes out with the beat that ends it."""
    last_column, last_row = (p["KW"] - 1) * p["DW"], (p["KH"] - 1) * p["DH"]
    return Kind.GRID, (p["FOLDS"], p["W"], p["H"], last_column, last_row, p["SW"], p["SH"])


def _pool_parallel(p: Mapping[str, int]) -> tuple[Kind, Numbers]:
    """A register after every level of its tree."""
    return Kind.PIPE, (1, 1, max((p["WINDOW"] - 1).bit_length(), 1))


def _upsample(p: Mapping[str, int]) -> tuple[Kind, Numbers]:
    kept = p["W"] * p["FOLDS"] if p["ROWS"] > 1 else p["FOLDS"]
    return Kind.UPSAMPLE, (max(kept, 2), p["FOLDS"], p["COLUMNS"], p["W"], p["ROWS"])


def _depthtospace(p: Mapping[str, int]) -> tuple[Kind, Numbers]:
    depth = (p["BLOCK"] - 1) * p["SEGMENT"] * (2 * p["W"] - 1) + 2
    return Kind.SHUFFLE, (depth, p["SEGMENT"], p["W"], p["BLOCK"])


def _duplicate(p: Mapping[str, int]) -> tuple[Kind, Numbers]:
    return Kind.DUPLICATE, ()


MODULES: Mapping[str, Callable[[Mapping[str, int]], tuple[Kind, Numbers]]] = {
    "fifo": _fifo,
    "mvau": _mvau,
    "mvau_dsp": _mvau_dsp,
    "mvau_const": _mvau_const,
    "vvau": _vvau,
    "thresholding": _thresholding,
    "thresholding_const": _thresholding_const,
    "labelselect": _labelselect,
    "labelselect_topk": _labelselect_topk,
    "pool": _pool,
    "pool_parallel": _pool_parallel,
    "add": _add,
    "dwc": _dwc,
    "fmpadding": _fmpadding,
    "fmpadding_pixel": _fmpadding_pixel,
    "channelslice": _channelslice,
    "globalaccpool": _globalaccpool,
    "concat": _concat,
    "swg": _swg,
    "swg_parallel": _swg_parallel,
    "upsample": _upsample,
    "depthtospace": _depthtospace,
    "duplicate": _duplicate,
}
"""Every module that a design may hold, but the top's own and `mvau_sparse`, whose timing is in its memory too."""
