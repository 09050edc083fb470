"""The parameter sets that `flows.lint` checks every RTL module with: the corners, not the middle.

Every module of hw_templates/rtl is here, or is part of one that is. PE = SIMD = 1, full unroll, 1-bit and 8-bit
operands, both signs, every memory style.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from flows.design import Bits, MemFile, Param
from flows.graph import IntType
from flows.kernels.memory import table
from flows.kernels.thresholding_const import lane_tables

RAM_STYLES = ("auto", "distributed", "block")


@dataclass(frozen=True)
class Case:
    """One parameter set of a module, and the memory images that it reads."""

    params: Mapping[str, Param]
    memories: tuple[MemFile, ...] = field(default=())


def fifo() -> Iterator[Case]:
    for width, depth, style, sim_id in (
        (1, 2, "auto", 0), (9, 1, "auto", 2), (8, 2, "auto", 3), (8, 3, "distributed", 0), (7, 16, "block", 0),
        (32, 33, "auto", 7), (4, 600, "auto", 0), (64, 512, "block", 1), (1, 4096, "auto", 0),
        (4, 2, "auto", 0), (5, 2, "auto", 0), (3, 65, "auto", 0), (16, 1100, "auto", 4), (1, 70000, "block", 0),
    ):  # fmt: skip
        yield Case({"WIDTH": width, "DEPTH": depth, "RAM_STYLE": style, "SIM_ID": sim_id})


def dwc() -> Iterator[Case]:
    for narrow, wide in ((1, 2), (1, 8), (3, 9), (8, 16), (4, 64), (16, 80)):
        yield Case({"IN_WIDTH": narrow, "OUT_WIDTH": wide})
        yield Case({"IN_WIDTH": wide, "OUT_WIDTH": narrow})


def tlastmarker() -> Iterator[Case]:
    for width, beats in ((1, 1), (1, 2), (8, 1), (8, 10), (4, 64), (32, 1000)):
        yield Case({"WIDTH": width, "BEATS": beats})


def framein() -> Iterator[Case]:
    for word, beat, out, beats in (
        (32, 8, 1, 1), (32, 32, 32, 5), (32, 16, 9, 7), (64, 8, 8, 3), (128, 128, 100, 4), (32, 64, 33, 2),
        (64, 256, 256, 3), (128, 32, 17, 9), (128, 256, 129, 1),
    ):  # fmt: skip
        yield Case({"WORD_WIDTH": word, "BEAT_WIDTH": beat, "OUT_WIDTH": out, "BEATS": beats})


def frameout() -> Iterator[Case]:
    for word, beat, bits in (
        (32, 8, 8), (32, 32, 24), (32, 16, 16), (64, 8, 8), (128, 128, 104), (32, 64, 40), (64, 256, 256),
        (128, 32, 32),
    ):  # fmt: skip
        yield Case({"WORD_WIDTH": word, "BEAT_WIDTH": beat, "IN_WIDTH": bits})


def control() -> Iterator[Case]:
    for dma, stages in ((32, 1), (32, 2), (64, 3), (128, 4), (64, 37), (128, 256)):
        yield Case({"IDENTITY": Bits(128, (1 << 127) + stages), "DMA_WIDTH": dma, "STAGES": stages})


def fmpadding() -> Iterator[Case]:
    for width, folds, size, (top, left, bottom, right) in (
        (1, 1, (1, 1), (0, 0, 0, 0)), (8, 1, (8, 8), (1, 1, 1, 1)), (4, 16, (8, 8), (1, 1, 1, 1)),
        (64, 1, (5, 3), (0, 1, 2, 0)), (3, 5, (1, 9), (3, 0, 0, 2)), (8, 2, (16, 16), (0, 0, 1, 1)),
        (1, 3, (4, 4), (2, 2, 0, 0)),
    ):  # fmt: skip
        yield Case({
            "WIDTH": width, "FOLDS": folds, "H": size[0], "W": size[1],
            "PAD_T": top, "PAD_L": left, "PAD_B": bottom, "PAD_R": right,
        })  # fmt: skip


WINDOWS: tuple[tuple[int, int, tuple[int, int], tuple[int, int], tuple[int, int], tuple[int, int]], ...] = (
    (1, 1, (1, 1), (1, 1), (1, 1), (1, 1)), (8, 1, (8, 8), (3, 3), (1, 1), (1, 1)),
    (4, 16, (8, 8), (3, 3), (1, 1), (1, 1)), (64, 1, (8, 8), (2, 2), (2, 2), (1, 1)),
    (5, 3, (9, 7), (3, 2), (2, 1), (1, 2)), (8, 2, (1, 16), (1, 5), (1, 2), (1, 1)),
    (2, 4, (7, 7), (7, 7), (1, 1), (1, 1)),
    (1, 2, (6, 6), (1, 1), (3, 3), (1, 1)),
)  # fmt: skip
"""Width of a beat, beats a pixel, map, kernel, stride, dilation."""


def swg() -> Iterator[Case]:
    for index, (width, folds, (h, w), (kh, kw), (sh, sw), (dh, dw)) in enumerate(WINDOWS):
        for depthwise in (0, 1):
            depth = folds * ((kh - 1) * dh * w + (kw - 1) * dw + 1) + index
            if index % 2 != depthwise:
                depth = 1 << (depth - 1).bit_length()
            yield Case({
                "WIDTH": width, "FOLDS": folds, "H": h, "W": w, "KH": kh, "KW": kw, "SH": sh, "SW": sw,
                "DH": dh, "DW": dw, "DEPTHWISE": depthwise, "DEPTH": depth,
                "RAM_STYLE": RAM_STYLES[(index + depthwise) % 3],
            })  # fmt: skip


def swg_parallel() -> Iterator[Case]:
    for index, (width, folds, (h, w), (kh, kw), (sh, sw), (dh, dw)) in enumerate(WINDOWS):
        yield Case({
            "WIDTH": width, "FOLDS": folds, "H": h, "W": w, "KH": kh, "KW": kw, "SH": sh, "SW": sw, "DH": dh, "DW": dw,
            "RAM_STYLE": RAM_STYLES[index % 3],
        })  # fmt: skip


def pool() -> Iterator[Case]:
    yield from _pools((
        (1, 1, 0, 4), (1, 8, 1, 4), (16, 4, 0, 4), (3, 7, 1, 9), (8, 1, 0, 2), (1, 4, 0, 1), (32, 8, 0, 49),
        (2, 2, 1, 3),
    ))  # fmt: skip


def pool_parallel() -> Iterator[Case]:
    yield from _pools((
        (1, 1, 0, 4), (1, 8, 1, 4), (16, 4, 0, 4), (3, 7, 1, 9), (8, 1, 0, 2), (1, 4, 0, 5), (4, 8, 0, 49),
        (2, 2, 1, 3),
    ))  # fmt: skip


def _pools(shapes: Iterable[tuple[int, int, int, int]]) -> Iterator[Case]:
    """Maximum and sums of (PE, BITS, SIGNED, WINDOW)."""
    for pe, bits, signed, window in shapes:
        lanes = {"PE": pe, "BITS": bits, "SIGNED": signed, "WINDOW": window}
        yield Case({**lanes, "SUM": 0, "OUT_BITS": bits})
        for out_bits in (1, bits + (window - 1).bit_length()):
            yield Case({**lanes, "SUM": 1, "OUT_BITS": out_bits})


def mvau() -> Iterator[Case]:
    for index, (mw, mh, pe, simd, weight_bits, input_bits, signed, acc) in enumerate((
        (1, 1, 1, 1, 1, 1, 0, 2), (9, 16, 1, 1, 8, 8, 0, 20), (8, 4, 4, 8, 4, 4, 0, 11), (8, 4, 4, 8, 1, 1, 1, 5),
        (64, 32, 4, 8, 4, 4, 0, 11), (16, 10, 5, 2, 8, 8, 1, 18), (12, 6, 1, 12, 4, 4, 1, 32),
        (12, 6, 6, 1, 2, 3, 0, 8),
        (72, 8, 2, 36, 4, 4, 0, 6), (7, 3, 3, 7, 3, 1, 0, 7), (6, 4, 2, 3, 9, 8, 0, 20),
    )):  # fmt: skip
        # Lanes of different widths, the widest as wide as the output lane.
        lanes = tuple(max(acc - lane % 3, 1) for lane in range(pe))
        digits = -(-(pe * simd * weight_bits) // 4)
        words = "".join(f"{'5a3c9'[i % 5] * digits}\n" for i in range(mw * mh // (pe * simd)))
        top = (1 << pe * simd * weight_bits) - 1
        image = "".join(f"{int(word, 16) & top:0{digits}x}\n" for word in words.split())
        yield Case({
            "MW": mw, "MH": mh, "PE": pe, "SIMD": simd, "WEIGHT_BITS": weight_bits, "INPUT_BITS": input_bits,
            "INPUT_SIGNED": signed, "ACC_BITS": Bits.of_bytes(lanes), "OUT_BITS": acc,
            "WEIGHT_FILE": "weights.hex", "RAM_STYLE": RAM_STYLES[index % 3],
        }, (MemFile("weights.hex", image),))  # fmt: skip


def mvau_dsp() -> Iterator[Case]:
    """Lanes in slices beside lanes in LUTs, parities and none, cascades of one and of two segments, and a short one."""
    for index, (mw, mh, pe, simd, weight_bits, input_bits, signed, narrow, inside, per_dsp, chain) in enumerate((
        (1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1), (9, 16, 1, 1, 8, 8, 0, 0, 1, 1, 1), (8, 4, 4, 8, 4, 4, 0, 1, 3, 3, 8),
        (64, 32, 4, 8, 4, 4, 1, 0, 4, 3, 4), (16, 10, 5, 2, 8, 8, 1, 1, 5, 2, 2), (12, 6, 6, 1, 2, 3, 0, 0, 5, 5, 1),
        (18, 4, 4, 9, 2, 2, 0, 1, 2, 2, 8), (6, 4, 2, 3, 9, 8, 0, 1, 2, 2, 1), (7, 3, 3, 7, 1, 1, 1, 0, 3, 3, 5),
    )):  # fmt: skip
        lanes = tuple(20 - lane % 3 for lane in range(pe))
        digits = -(-(pe * simd * weight_bits) // 4)
        yield Case({
            "MW": mw, "MH": mh, "PE": pe, "SIMD": simd, "WEIGHT_BITS": weight_bits, "INPUT_BITS": input_bits,
            "INPUT_SIGNED": signed, "ACC_BITS": Bits.of_bytes(lanes), "OUT_BITS": 20, "NARROW": narrow,
            "DSP_PE": inside, "PER_DSP": per_dsp, "CHAIN": chain,
            "WEIGHT_FILE": "weights.hex", "RAM_STYLE": RAM_STYLES[index % 3],
        }, (MemFile("weights.hex", f"{1:0{digits}x}\n" * (mw * mh // (pe * simd))),))  # fmt: skip


def thresholding() -> Iterator[Case]:
    for index, (channels, pe, in_bits, in_signed, thresholds, bias, bits, signed) in enumerate((
        (1, 1, 1, 0, 1, 0, 1, 0), (16, 1, 11, 1, 15, 0, 11, 1), (16, 16, 11, 1, 15, 0, 9, 1),
        (8, 2, 32, 1, 15, -8, 12, 1),
        (10, 5, 20, 1, 255, 0, 20, 1), (4, 4, 8, 0, 3, -1, 9, 1), (6, 3, 8, 1, 100, 0, 8, 0), (3, 1, 5, 1, 1, -1, 5, 1),
    )):  # fmt: skip
        stages = thresholds.bit_length()
        out_bits = max((bias + thresholds).bit_length(), (~bias).bit_length() if bias < 0 else 0) + (bias < 0)
        memories = [
            MemFile(f"t_{stage}_{lane}.hex", f"{1:x}\n" * (channels // pe << stage))
            for stage in range(stages)
            for lane in range(pe)
        ]
        yield Case({
            "CHANNELS": channels, "PE": pe, "INPUT_BITS": in_bits, "INPUT_SIGNED": in_signed, "OUT_BITS": out_bits,
            "OUT_BIAS": bias, "THRESHOLDS": thresholds, "THRESH_BITS": bits, "THRESH_SIGNED": signed,
            "THRESH_FILE": "t", "RAM_STYLE": RAM_STYLES[index % 3],
        }, tuple(memories))  # fmt: skip


def mvau_const() -> Iterator[Case]:
    """Node 0 subtracts, 1 adds shifted, 2 negates, and a register follows each; output 0 is zero, others shifted."""
    for mw, mh, input_bits, signed, stages, value_bits in (
        (2, 1, 1, 0, 1, 12), (2, 4, 8, 1, 2, 20), (72, 16, 4, 0, 3, 14), (9, 8, 8, 0, 1, 20), (3, 2, 1, 1, 4, 8),
        (5, 3, 3, 1, 1, 10),
    ):  # fmt: skip
        nodes = 6
        kinds, lefts, rights = (2, 1, 3, 0, 0, 0), (0, 1, mw, mw, mw + 1, mw + 2), (1, mw, mw, 0, 0, 0)
        left_shifts, right_shifts, bits = (1, 0, 0, 0, 0, 0), (0, 2, 0, 0, 0, 0), (value_bits - 1,) * nodes
        outputs = [(mw + nodes, 0), *((mw + 3 + c % 3, c % 2) for c in range(1, mh))]
        yield Case({
            "MW": mw, "MH": mh, "INPUT_BITS": input_bits, "INPUT_SIGNED": signed, "OUT_BITS": value_bits,
            "STAGES": stages, "NODES": nodes, "VALUE_BITS": value_bits, "NODE_KIND": table(2, kinds),
            "LEFT": table(16, lefts), "RIGHT": table(16, rights), "LEFT_SHIFT": table(8, left_shifts),
            "RIGHT_SHIFT": table(8, right_shifts), "NODE_BITS": table(8, bits),
            "NODE_SIGNED": table(1, (1, 0, 1, 1, 0, 1)), "OUT_VALUE": table(16, [v for v, _ in outputs]),
            "OUT_SHIFT": table(8, [shift for _, shift in outputs]),
        })  # fmt: skip


def mvau_sparse() -> Iterator[Case]:
    for index, (mw, mh, pe, simd, weight_bits, input_bits, signed, acc, tiles) in enumerate((
        (1, 1, 1, 1, 1, 1, 0, 2, 1), (9, 16, 1, 1, 8, 8, 0, 20, 40), (8, 4, 4, 8, 4, 4, 0, 11, 3),
        (72, 16, 1, 4, 4, 4, 0, 9, 144), (12, 6, 6, 1, 2, 3, 1, 8, 14), (6, 4, 2, 3, 9, 8, 0, 20, 4),
    )):  # fmt: skip
        word_bits = pe * simd * weight_bits + (mw // simd - 1).bit_length() + 1
        image = "".join(f"{0:0{-(-word_bits // 4)}x}\n" for _ in range(tiles))
        yield Case({
            "MW": mw, "MH": mh, "PE": pe, "SIMD": simd, "WEIGHT_BITS": weight_bits, "INPUT_BITS": input_bits,
            "INPUT_SIGNED": signed, "ACC_BITS": Bits.of_bytes((acc,) * pe), "OUT_BITS": acc, "TILES": tiles,
            "WEIGHT_FILE": "tiles.hex", "RAM_STYLE": RAM_STYLES[index % 3],
        }, (MemFile("tiles.hex", image),))  # fmt: skip


def thresholding_const() -> Iterator[Case]:
    for channels, in_bits, in_signed, stages, bias, bits, signed in (
        (1, 1, 0, 1, 0, 1, 0), (16, 9, 1, 4, 0, 9, 1), (2, 32, 1, 5, -8, 32, 1), (4, 8, 0, 2, -1, 9, 1),
        (3, 5, 1, 1, -1, 6, 1), (8, 14, 0, 3, 0, 14, 0),
    ):  # fmt: skip
        count = (1 << stages) - 1
        out_bits = max((bias + count).bit_length(), (~bias).bit_length() if bias < 0 else 0) + (bias < 0)
        compared = IntType(bits, bool(signed))
        ascending = np.array([compared.min + i * (compared.max - compared.min) // count for i in range(count)])
        tables = [*lane_tables(ascending, compared)]
        yield Case({
            "CHANNELS": channels, "INPUT_BITS": in_bits, "INPUT_SIGNED": in_signed, "OUT_BITS": out_bits,
            "OUT_BIAS": bias, "STAGES": stages, "COMPARE_BITS": bits, "COMPARE_SIGNED": signed, "LUTS": len(tables),
            "TABLES": table(64, tables * channels),
        })  # fmt: skip


def labelselect() -> Iterator[Case]:
    for classes, pe, bits, signed in (
        (1, 1, 1, 0), (2, 1, 1, 0), (10, 1, 11, 1), (10, 10, 32, 1), (10, 5, 8, 0), (1000, 4, 20, 1), (3, 3, 1, 1),
        (6, 2, 8, 1),
    ):  # fmt: skip
        index_bits = max((classes - 1).bit_length(), 1)
        yield Case({
            "CLASSES": classes, "PE": pe, "INPUT_BITS": bits, "INPUT_SIGNED": signed, "INDEX_BITS": index_bits,
        })  # fmt: skip


def labelselect_topk() -> Iterator[Case]:
    for classes, k, bits, signed in (
        (2, 2, 1, 0), (3, 2, 8, 1), (10, 5, 11, 1), (10, 10, 32, 1), (1000, 5, 20, 1), (64, 3, 1, 1), (7, 6, 4, 0),
    ):  # fmt: skip
        yield Case({
            "CLASSES": classes, "K": k, "INPUT_BITS": bits, "INPUT_SIGNED": signed,
            "INDEX_BITS": (classes - 1).bit_length(),
        })  # fmt: skip


def duplicate() -> Iterator[Case]:
    for width in (1, 2, 3, 8, 64, 300):
        yield Case({"WIDTH": width})


def add() -> Iterator[Case]:
    for pe, bits0, signed0, bits1, signed1, factor0, factor1, out_bits in (
        (1, 1, 0, 1, 0, 1, 1, 2), (4, 4, 0, 4, 0, 1, 1, 5), (2, 8, 1, 3, 0, 3, -7, 13), (16, 8, 1, 8, 1, 1, -1, 9),
        (1, 32, 1, 32, 1, 1, 1, 9), (3, 1, 1, 20, 1, 1 << 20, 1, 22), (1, 5, 0, 7, 1, 0, 1 - (1 << 31), 40),
        (2, 4, 0, 32, 1, 4, 2, 1),
    ):  # fmt: skip
        yield Case({
            "PE": pe, "IN0_BITS": bits0, "IN0_SIGNED": signed0, "IN1_BITS": bits1, "IN1_SIGNED": signed1,
            "FACTOR0": factor0, "FACTOR1": factor1, "OUT_BITS": out_bits,
        })  # fmt: skip


def concat() -> Iterator[Case]:
    for simd, bits0, signed0, folds0, bits1, signed1, folds1, out_bits in (
        (1, 1, 0, 1, 1, 0, 1, 1), (4, 4, 0, 2, 4, 0, 3, 4), (2, 8, 1, 1, 3, 0, 7, 8), (16, 1, 1, 16, 8, 0, 1, 9),
        (1, 32, 1, 5, 32, 1, 3, 9), (3, 1, 0, 1, 20, 1, 1, 20), (8, 8, 1, 8, 8, 1, 8, 8),
    ):  # fmt: skip
        yield Case({
            "SIMD": simd, "IN0_BITS": bits0, "IN0_SIGNED": signed0, "FOLDS0": folds0, "IN1_BITS": bits1,
            "IN1_SIGNED": signed1, "FOLDS1": folds1, "OUT_BITS": out_bits,
        })  # fmt: skip


def channelslice() -> Iterator[Case]:
    for width, folds, start, stop in (
        (1, 1, 0, 1), (8, 2, 0, 1), (8, 2, 1, 2), (4, 16, 4, 12), (64, 3, 0, 3), (3, 5, 4, 5), (1, 8, 0, 7),
    ):  # fmt: skip
        yield Case({"WIDTH": width, "FOLDS": folds, "START": start, "STOP": stop})


def globalaccpool() -> Iterator[Case]:
    for pe, folds, pixels, bits, signed, out_bits in (
        (1, 1, 1, 1, 0, 1), (1, 1, 64, 8, 1, 14), (4, 8, 49, 4, 0, 10), (16, 1, 16, 1, 1, 5), (3, 5, 1, 7, 1, 7),
        (2, 64, 4, 32, 1, 12), (1, 3, 7, 4, 0, 7),
    ):  # fmt: skip
        yield Case({
            "PE": pe, "FOLDS": folds, "PIXELS": pixels, "IN_BITS": bits, "IN_SIGNED": signed, "OUT_BITS": out_bits,
        })  # fmt: skip


def upsample() -> Iterator[Case]:
    for width, folds, w, rows, columns in (
        (1, 1, 1, 1, 1), (8, 1, 8, 2, 2), (4, 16, 8, 2, 2), (64, 3, 5, 3, 1), (3, 5, 7, 1, 4), (8, 1, 1, 4, 3),
        (16, 2, 100, 2, 2),
    ):  # fmt: skip
        yield Case({"WIDTH": width, "FOLDS": folds, "W": w, "ROWS": rows, "COLUMNS": columns})


def depthtospace() -> Iterator[Case]:
    for width, segment, w, block in (
        (1, 1, 1, 1), (8, 2, 8, 2), (4, 8, 16, 2), (64, 3, 5, 3), (3, 12, 1, 4), (8, 5, 7, 1), (16, 4, 100, 2),
    ):  # fmt: skip
        yield Case({"WIDTH": width, "SEGMENT": segment, "W": w, "BLOCK": block})


def fmpadding_pixel() -> Iterator[Case]:
    for width, folds, (h, w), (sh, sw) in (
        (1, 1, (1, 1), (1, 1)), (8, 1, (8, 8), (2, 2)), (4, 16, (8, 8), (2, 2)), (64, 1, (5, 3), (1, 3)),
        (3, 5, (1, 9), (4, 1)), (8, 2, (9, 1), (3, 5)),
    ):  # fmt: skip
        yield Case({"WIDTH": width, "FOLDS": folds, "H": h, "W": w, "SH": sh, "SW": sw})


def vvau() -> Iterator[Case]:
    for index, (k, channels, pe, simd, weight_bits, input_bits, signed, acc) in enumerate((
        (1, 1, 1, 1, 1, 1, 0, 2), (9, 16, 1, 1, 8, 8, 0, 20), (9, 8, 4, 1, 4, 4, 0, 12), (9, 8, 8, 1, 1, 1, 1, 5),
        (25, 32, 4, 1, 4, 4, 1, 12), (1, 10, 5, 1, 8, 8, 1, 16), (2, 6, 1, 1, 4, 4, 0, 32), (49, 3, 3, 1, 2, 3, 0, 6),
        (9, 8, 8, 9, 4, 4, 0, 12), (9, 6, 2, 3, 8, 8, 1, 20), (2, 3, 1, 2, 1, 1, 0, 2), (4, 4, 4, 2, 1, 1, 1, 6),
    )):  # fmt: skip
        lanes = tuple(max(acc - lane % 3, 1) for lane in range(pe))
        word_bits = pe * simd * weight_bits
        digits, top = -(-word_bits // 4), (1 << word_bits) - 1
        words = (int("5a3c9"[i % 5] * digits, 16) & top for i in range(k * channels // (pe * simd)))
        yield Case({
            "K": k, "CHANNELS": channels, "PE": pe, "SIMD": simd, "WEIGHT_BITS": weight_bits, "INPUT_BITS": input_bits,
            "INPUT_SIGNED": signed, "ACC_BITS": Bits.of_bytes(lanes), "OUT_BITS": acc,
            "WEIGHT_FILE": "weights.hex", "RAM_STYLE": RAM_STYLES[index % 3],
        }, (MemFile("weights.hex", "".join(f"{word:0{digits}x}\n" for word in words)),))  # fmt: skip


GRID: Mapping[str, Callable[[], Iterator[Case]]] = {
    "fifo": fifo,
    "dwc": dwc,
    "tlastmarker": tlastmarker,
    "framein": framein,
    "frameout": frameout,
    "control": control,
    "fmpadding": fmpadding,
    "swg": swg,
    "swg_parallel": swg_parallel,
    "pool": pool,
    "pool_parallel": pool_parallel,
    "mvau": mvau,
    "mvau_const": mvau_const,
    "mvau_dsp": mvau_dsp,
    "mvau_sparse": mvau_sparse,
    "thresholding": thresholding,
    "thresholding_const": thresholding_const,
    "labelselect": labelselect,
    "labelselect_topk": labelselect_topk,
    "duplicate": duplicate,
    "add": add,
    "concat": concat,
    "channelslice": channelslice,
    "globalaccpool": globalaccpool,
    "upsample": upsample,
    "depthtospace": depthtospace,
    "fmpadding_pixel": fmpadding_pixel,
    "vvau": vvau,
}
"""Module to its parameter sets."""
