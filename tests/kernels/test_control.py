"""The registers of an accelerator, through the AXI-Lite port of a whole one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np
import pytest

from flows.errors import ToolFailed
from flows.simulate import verilator
from flows.simulate.bench import Dut, build_duts, rtl_files
from flows.simulate.driver import MEMORY_BYTES
from flows.simulate.pynq_sim.pynq._board import Board
from tests.pynq_sim.small import Small, small

CONTROL, BATCH, STATUS, FRAMES_IN, CYCLES, TOTAL = 0x0C, 0x20, 0x24, 0x28, 0x38, 0x40
BUSY, RESETTING, REFUSED = 0x7, 0x8, 0x400
READS = 3000
PAIR = """
  // Every read's answer of control beside what plain counters held when it was given: four kinds, {stages} stages.
  module counts_{stages}_{bits} #(parameter int unsigned ID) (input wire clk, input wire rst_n);
    localparam int unsigned KINDS = {stages} + 4;
    localparam logic [31:0] MOST = 32'((33'd1 << {bits}) - 1);
    logic [KINDS-1:0] events;
    logic [{stages}-1:0] valid, ready;
    logic [31:0] noise, rdata, plain[KINDS], earlier[KINDS], pair[2];
    logic [$clog2(KINDS)-1:0] at;
    logic arready, rvalid, awready, wready, bvalid, core_rst_n, start, held, tready;
    logic [11:0] age;
    logic [15:0] asked;
    logic ask;
    assign ask = asked < {reads} && !held;
    assign events[KINDS-1:4] = valid & ~ready;
    control #(.IDENTITY(128'd0), .DMA_WIDTH(32), .STAGES({stages}), .COUNT_BITS({bits})) dut (
      .clk, .rst_n, .s_axi_awaddr(12'h020), .s_axi_awvalid(age == 0), .s_axi_awready(awready), .s_axi_wdata(32'd1),
      .s_axi_wstrb(4'hf), .s_axi_wvalid(age == 0), .s_axi_wready(wready), .s_axi_bresp(), .s_axi_bvalid(bvalid),
      .s_axi_bready(1'b1), .s_axi_araddr(at < 4 ? 12'(32'h28 + 4 * 32'(at)) : 12'(32'h3f0 + 4 * 32'(at))),
      .s_axi_arvalid(ask), .s_axi_arready(arready), .s_axi_rdata(rdata), .s_axi_rresp(), .s_axi_rvalid(rvalid),
      .s_axi_rready(1'b1), .core_rst_n, .start, .batch(), .in_busy(1'b0), .in_word(events[2]), .in_frame(events[0]),
      .in_early(1'b0), .in_late(1'b0), .out_busy(1'b0), .out_word(events[3]), .out_frame(events[1]),
      .stage_valid(valid), .stage_ready(ready));
    always_ff @(posedge clk) begin
      noise <= rst_n ? {{noise[30:0], noise[31] ^ noise[21] ^ noise[1] ^ noise[0]}} : 32'h1234_5678 + ID;
      events[3:0] <= {{noise[9] & noise[4], 1'b1, noise[20], noise[3] & noise[13] & noise[27]}};
      for (int unsigned i = 0; i < {stages}; i++) begin
        // Some stages stall in every cycle, some never, most now and then.
        valid[i] <= i % 5 == 0 || noise[(7 * i) % 32] || noise[(11 * i + 3) % 32];
        ready[i] <= i % 5 == 1 || (i % 5 != 0 && noise[(5 * i + 1) % 32]);
      end
      for (int unsigned i = 0; i < KINDS; i++) begin
        if (!core_rst_n || start) plain[i] <= 0;
        else if (events[i] && plain[i] != MOST) plain[i] <= plain[i] + 1;
        earlier[i] <= plain[i];
      end
      if (!rst_n || (held && tready)) held <= 1'b0;
      if (!rst_n) at <= 0;
      else if (rvalid) begin
        held <= 1'b1;
        pair <= '{{rdata, earlier[at]}};
        if (noise[3:0] == 0) at <= $bits(at)'(32'(noise[12:4]) % KINDS);
        else at <= 32'(at) == KINDS - 1 ? 0 : at + 1;
      end
      asked <= !rst_n ? 0 : asked + 16'(ask && arready);
      age <= rst_n ? age + 1 : 1;  // a batch begins every 4096 cycles, in the midst of a round of the sweep
    end
    axis_sink #(.ID(ID), .WIDTH(64), .HAS_LAST(0)) sink (
      .clk, .rst_n, .tvalid(held), .tready, .tdata({{pair[0], pair[1]}}), .tlast(1'b0));
  endmodule
"""


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Small:
    return small(tmp_path_factory.mktemp("small"))


@pytest.fixture
def board(net: Small) -> Iterator[Board]:
    settings = {"program": "sim", "dma_bits": 32, "memory_bytes": MEMORY_BYTES, "seed": 3, "stall_percent": 0}
    made = Board(settings, net.simulated.folder)
    assert made.read(0, STATUS) in (0, RESETTING | 1)
    assert made.read(0, STATUS) == 0
    yield made
    made.close()


def test_identity_and_what_is_not_there(net: Small, board: Board) -> None:
    assert board.read(0, 0x00) == 0x41325146
    assert board.read(0, 0x04) == 32 << 16 | 1
    stages = sum(bool(i.op) for i in net.design.instances)
    assert board.read(0, 0x08) == stages
    text = str(net.hardware[next(n for n in net.hardware if n.suffix == ".v")])
    words = [board.read(0, 0x10 + 4 * i) for i in range(4)]
    assert f"128'h{sum(w << 32 * i for i, w in enumerate(words)):032x}" in text
    for offset in (0x44, 0x3FC, 0x400 + 4 * stages, 0x800 + 4 * stages, 0xFFC):
        assert board.read(0, offset) == 0
    for offset in (0x00, 0x10, STATUS, FRAMES_IN, 0x400, 0xFFC):
        board.write(0, offset, 0xFFFFFFFF)
    assert board.read(0, 0x00) == 0x41325146 and board.read(0, STATUS) == 0


def test_a_batch_is_taken_when_idle_only(board: Board) -> None:
    board.write(0, BATCH, 0)
    assert board.read(0, STATUS) == REFUSED
    board.write(0, CONTROL, 1)
    board.write(0, BATCH, 5)
    assert (board.read(0, BATCH), board.read(0, STATUS)) == (5, BUSY)
    board.write(0, BATCH, 9)
    assert (board.read(0, BATCH), board.read(0, STATUS)) == (5, REFUSED | BUSY)


def test_soft_reset_ends_a_batch_and_clears_what_was_counted(board: Board) -> None:
    board.write(0, BATCH, 3)
    assert board.read(0, CYCLES) > 0
    board.write(0, CONTROL, 0)
    assert board.read(0, STATUS) == BUSY, "only a one resets"
    board.write(0, CONTROL, 1)
    assert board.read(0, STATUS) in (0, RESETTING | 1)
    assert board.read(0, STATUS) == 0
    assert [board.read(0, offset) for offset in (FRAMES_IN, CYCLES, TOTAL)] == [0, 0, 0]
    first = board.read(0, CYCLES)
    assert board.read(0, CYCLES) == first == 0, "an idle accelerator counts no cycles"


@pytest.mark.parametrize(
    ("changed", "message"),
    [({"DMA_WIDTH": 16}, "DMA_WIDTH"), ({"STAGES": 257}, "STAGES"), ({"COUNT_BITS": 33}, "COUNT_BITS")],
)
def test_illegal_parameters_are_refused(tmp_path: Path, changed: dict[str, int], message: str) -> None:
    params = {"IDENTITY": 1, "DMA_WIDTH": 32, "STAGES": 2, **changed}
    text = rtl_files()["control"]
    head = text[text.index(") (") : text.index(");\n")]
    ports = tuple(line.split("//")[0].strip().rstrip(",").split()[-1] for line in head.splitlines() if "put" in line)
    ports = tuple(p for p in ports if p not in ("clk", "rst_n"))
    with pytest.raises(ToolFailed, match=f"control: {message}"):
        build_duts([Dut("dut", "control", params, (), (), unused=ports)], rtl_files(), tmp_path)


def test_counts_are_exact_to_the_cycle_and_saturate(tmp_path: Path) -> None:
    """Against plain counters, through reads at any time, over many batches: no event is lost or counted twice."""
    sizes = ((1, 32), (2, 32), (5, 6), (17, 32), (64, 8))
    modules = "".join(PAIR.format(stages=stages, bits=bits, reads=READS) for stages, bits in sizes)
    made = "".join(f"  counts_{s}_{b} #(.ID({i})) i_{s}_{b} (.clk, .rst_n);\n" for i, (s, b) in enumerate(sizes))
    text = f"{modules}\nmodule bench (input wire clk, input wire rst_n);\n{made}endmodule\n"
    files = {PurePosixPath("control.sv"): rtl_files()["control"], PurePosixPath("bench.sv"): text}
    model = verilator.build(files, "bench", tmp_path / "model")
    job = verilator.Job((), tuple(verilator.Sink(1, READS, stall) for stall in (0.0, 0.5, 0.2, 0.8, 0.1)))
    run = model.run(job, tmp_path / "run")
    for size, sink in zip(sizes, run.sinks, strict=True):
        wanted, got = sink.beats[:READS].copy().view("<u4").reshape(-1, 2).T
        assert len(got) == READS and np.array_equal(got, wanted), size
        assert (got > 0).any() and (size[1] == 32 or (got == (1 << size[1]) - 1).any()), size
