"""Design -> the accelerator as a processing system sees it: DMA words in and out, AXI-Lite registers, an identity.

Everything is static but the top, `accelerator_ps.v`: instances and parameters.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from flows.beats import bytes_per_beat
from flows.boards import Board
from flows.design import Design, Files
from flows.emit import rtl
from flows.emit.sv import modules_used
from flows.errors import UnsupportedModel
from flows.files import digest, sha256

TOP = "accelerator_ps"
MAX_STAGES = 256


def beat_bits(bits: int, word: int) -> int:
    """Bits that a beat of `bits` bits takes among DMA words of `word` bits: bytes that divide it, or a multiple."""
    if bits > word:
        return -(-bits // word) * word
    padded = 8
    while padded < bits:
        padded *= 2
    return padded


def frame_bytes(bits: int, beats: int, word: int) -> int:
    """Bytes of a frame of `beats` beats of `bits` bits: whole DMA words."""
    return -(-beats * beat_bits(bits, word) // word) * word // 8


def identity(design: Design, board: Board) -> str:
    """128 bits as 32 hex digits: of every emitted file of the design, the registers, the board and its DMA."""
    files = {**rtl.emit(design), **_static()}
    texts = {str(name): sha256(text) for name, text in files.items()}
    return digest([texts, _top(design, board, "0" * 32), board.name, board.part, board.dma_bits])[:32]


def emit(design: Design, board: Board) -> Files:
    """The whole hardware for `board`: what `flows.emit.rtl` writes, the static modules around it, and the top.

    Raises UnsupportedModel for a design with more operators than the registers can show.
    """
    if len(rtl.stages(design)) > MAX_STAGES:
        raise UnsupportedModel(f"{design.name}: more than {MAX_STAGES} operators; set board: none")
    top = {PurePosixPath(f"{TOP}.v"): _top(design, board, identity(design, board))}
    return {**rtl.emit(design), **_static(), **top}


def _static() -> dict[PurePosixPath, str]:
    folder = rtl.TEMPLATES / "rtl"
    available = {p.stem: p.read_text(encoding="utf-8") for p in folder.glob("*.sv")}
    roots = ("control", "framein", "frameout")
    names = sorted({*roots, *modules_used(available, *(available[name] for name in roots))})
    return {PurePosixPath(f"{name}.sv"): available[name] for name in names}


def _top(design: Design, board: Board, identity: str) -> str:
    source, sink = design.streams[design.input], design.streams[design.output]
    return rtl.environment().get_template("accelerator_ps.v.j2").render(
        design=design, input=source, output=sink, stages=rtl.stages(design), identity=identity,
        dma_bits=board.dma_bits, in_bytes=bytes_per_beat(source.bits), out_bytes=bytes_per_beat(sink.bits),
        input_beat=beat_bits(source.bits, board.dma_bits), output_beat=beat_bits(sink.bits, board.dma_bits),
    )  # fmt: skip
