"""framein in front of frameout: words of every width to beats and back, batch after batch, under stalls and a reset."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from flows.errors import ToolFailed
from flows.graph import IntType
from flows.simulate.bench import Case, Dut, Expect, Feed, Port, build_duts, job_of, results_of, rtl_files
from flows.simulate.verilator import Model

LOOP = """`default_nettype none
module frameloop #(
    parameter int unsigned WORD, parameter int unsigned BEAT, parameter int unsigned BITS, parameter int unsigned BEATS,
    parameter int unsigned BATCH, parameter int unsigned WORDS, parameter int unsigned WRONG
) (
    input wire clk, input wire rst_n,
    input wire [WORD-1:0] s_axis_tdata, input wire s_axis_tvalid, output wire s_axis_tready,
    output wire [WORD-1:0] m_axis_tdata, output wire m_axis_tvalid, output wire m_axis_tlast, input wire m_axis_tready
);
  // One batch after the other; tlast on its last word, or (WRONG) a word too early, or never.
  logic start_q;
  int unsigned word_q;
  wire in_busy, out_busy, early, late, in_word, in_frame, out_word, out_frame, last;
  wire [BITS-1:0] in_data, beat_data;
  wire in_valid, in_ready, beat_valid, beat_ready, beat_last;
  assign last = WRONG == 0 ? word_q == BATCH * WORDS - 1 : WRONG == 1 ? word_q == BATCH * WORDS - 2 : 1'b0;
  always_ff @(posedge clk) begin
    if (!rst_n) begin
      start_q <= 1'b0;
      word_q  <= 0;
    end else begin
      start_q <= !in_busy && !out_busy && !start_q;
      if (in_word) word_q <= word_q == BATCH * WORDS - 1 ? 0 : word_q + 1;
      if (early) $fatal(1, "tlast came early");
      if (late) $fatal(1, "tlast is missing");
    end
  end
  framein #(.WORD_WIDTH(WORD), .BEAT_WIDTH(BEAT), .OUT_WIDTH(BITS), .BEATS(BEATS)) i_in (
      .clk, .rst_n, .start(start_q), .batch(BATCH), .busy(in_busy), .word(in_word), .frame(in_frame), .early, .late,
      .s_axis_tdata, .s_axis_tvalid, .s_axis_tlast(last), .s_axis_tready,
      .m_axis_tdata(in_data), .m_axis_tvalid(in_valid), .m_axis_tready(in_ready));
  tlastmarker #(.WIDTH(BITS), .BEATS(BEATS)) i_marker (
      .clk, .rst_n, .s_axis_tdata(in_data), .s_axis_tvalid(in_valid), .s_axis_tready(in_ready),
      .m_axis_tdata(beat_data), .m_axis_tvalid(beat_valid), .m_axis_tlast(beat_last), .m_axis_tready(beat_ready));
  frameout #(.WORD_WIDTH(WORD), .BEAT_WIDTH(BEAT), .IN_WIDTH(BITS)) i_out (
      .clk, .rst_n, .start(start_q), .batch(BATCH), .busy(out_busy), .word(out_word), .frame(out_frame),
      .s_axis_tdata(beat_data), .s_axis_tvalid(beat_valid), .s_axis_tlast(beat_last), .s_axis_tready(beat_ready),
      .m_axis_tdata, .m_axis_tvalid, .m_axis_tlast, .m_axis_tready);
endmodule
`default_nettype wire
"""
SETS = (
    (32, 8, 8, 8, 1), (32, 8, 3, 5, 2), (32, 16, 9, 1, 3), (32, 32, 32, 4, 7), (32, 64, 33, 3, 2), (32, 128, 128, 1, 5),
    (64, 8, 7, 17, 1), (64, 32, 20, 2, 4), (64, 64, 50, 3, 3), (64, 256, 255, 2, 2), (128, 8, 1, 33, 2),
    (128, 64, 64, 3, 1), (128, 128, 100, 2, 6), (128, 256, 130, 2, 3),
)  # fmt: skip
"""(bits of a word, of a padded beat, of a beat, beats of a frame, frames of a batch)"""


@dataclass(frozen=True)
class Loop:
    """One parameter set with its batches: words as bits (batches, words, WORD), and what must come back."""

    case: Case
    wanted: np.ndarray


def loop(
    number: int, word: int, beat: int, bits: int, beats: int, batch: int, batches: int = 3, wrong: int = 0
) -> Loop:
    words = max(1, -(-beats * beat // word))
    rng = np.random.default_rng(number)
    sent = rng.integers(0, 2, (batches, batch, words * word))
    wanted = np.zeros_like(sent)
    slots = sent[:, :, : beats * beat].reshape(batches, batch, beats, beat)
    wanted[:, :, : beats * beat].reshape(batches, batch, beats, beat)[..., :bits] = slots[..., :bits]
    params = {"WORD": word, "BEAT": beat, "BITS": bits, "BEATS": beats, "BATCH": batch, "WORDS": words, "WRONG": wrong}
    dut = Dut(
        f"l{number}", "frameloop", params, (Port("in", "s_axis", word),), (Port("out", "m_axis", word, last=True),)
    )
    case = Case(dut, (Feed(sent.reshape(batches, -1, word), 1),), (Expect(batch * words, word, IntType(1, False)),))
    return Loop(case, wanted.reshape(batches, -1, word))


def build(loops: list[Loop], folder: Path) -> Model:
    return build_duts([x.case.dut for x in loops], {**rtl_files(), "frameloop": LOOP}, folder)


def check(loops: list[Loop], model: Model, folder: Path, **options) -> None:
    cases = [x.case for x in loops]
    job = job_of(cases, **options)
    run = model.run(job, folder)
    assert not run.deadlock, run.explain_deadlock(job)
    for x, result in zip(loops, results_of(cases, run), strict=True):
        assert np.array_equal(result.outputs[0], x.wanted), x.case.dut.params


def test_words_to_beats_and_back_in_batches(tmp_path: Path) -> None:
    loops = [loop(i, *values) for i, values in enumerate(SETS)]
    model = build(loops, tmp_path / "model")
    for i, stall in enumerate(((0.0, 0.0), (0.4, 0.4), (0.9, 0.0), (0.0, 0.9))):
        check(loops, model, tmp_path / f"run{i}", stall=stall, seed=i + 1)
    for at in (3, 5, 9):
        check(loops, model, tmp_path / f"reset{at}", stall=(0.2, 0.2), reset_at=at)


@pytest.mark.parametrize(("wrong", "message"), [(1, "tlast came early"), (2, "tlast is missing")])
def test_a_wrong_tlast_is_seen(tmp_path: Path, wrong: int, message: str) -> None:
    loops = [loop(0, 32, 8, 8, 8, 2, wrong=wrong)]
    with pytest.raises(ToolFailed, match="ended with") as raised:
        check(loops, build(loops, tmp_path / "model"), tmp_path / "run")
    assert message in (tmp_path / "run" / "sim.log").read_text(encoding="utf-8"), raised.value


@pytest.mark.parametrize(
    ("changed", "message"),
    [({"BEAT": 24}, "BEAT_WIDTH must be a divisor or a multiple"), ({"BITS": 9}, "WIDTH must be 1 to BEAT_WIDTH")],
)
def test_illegal_parameters_are_refused(tmp_path: Path, changed: dict[str, int], message: str) -> None:
    good = loop(0, 32, 8, 8, 8, 2)
    dut = Dut("l0", "frameloop", {**good.case.dut.params, **changed}, good.case.dut.inputs, good.case.dut.outputs)
    with pytest.raises(ToolFailed, match=message):
        build_duts([dut], {**rtl_files(), "frameloop": LOOP}, tmp_path)
