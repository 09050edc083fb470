// control: AXI-Lite registers of an accelerator behind a processing system: identity, batch, counters, soft reset.
//
// Function  Writing BATCH (all four bytes, while idle) starts a batch of that many frames: `start` pulses with `batch`.
//           Writing 1 to CONTROL holds `core_rst_n` low for 16 cycles, which also ends the batch. Counters begin again
//           with every batch, FRAMES_TOTAL and the error bits of STATUS with every reset.
// Registers 0x00 MAGIC "A2QF"   0x04 [31:16] DMA_WIDTH, [7:0] version 1   0x08 STAGES   0x0c CONTROL (write: bit 0)
//           0x10 to 0x1c IDENTITY, least significant word first   0x20 BATCH
//           0x24 STATUS: 0 busy, 1 input busy, 2 output busy, 3 in reset, 8 tlast early, 9 tlast missing,
//                        10 BATCH refused (written while busy, or zero)
//           0x28 FRAMES_IN  0x2c FRAMES_OUT  0x30 WORDS_IN  0x34 WORDS_OUT  0x38/0x3c CYCLES (busy)  0x40 FRAMES_TOTAL
//           0x400 + 4 i: cycles in which stage i offered a beat that was not taken
//           0x800 + 4 i: stage i now: bit 0 tvalid, bit 1 tready
// Counting  Frames, words and stalls are events, of which every kind has a small counter. A sweep comes by, one kind a
//           cycle, and adds what it finds there to the kind's total in a memory; a small counter holds what a whole
//           round can bring, so nothing is lost. A read of a total waits for the sweep: it is exact when it is answered.
// Latency   a write takes effect 1 cycle after address and data are both here; a read answers after 2 cycles, one of a
//           total after at most STAGES + 4 more, a reset of 16 cycles not counted.
`default_nettype none

module control #(
    parameter logic [127:0] IDENTITY,   // digest of the design
    parameter int unsigned  DMA_WIDTH,  // bits of a DMA word
    parameter int unsigned  STAGES,     // stages that are watched, 1 to 256
    parameter int unsigned  COUNT_BITS = 32  // of a total, which saturates; fewer than 32 only to see that
) (
    input  wire logic              clk,
    input  wire logic              rst_n,
    input  wire logic [      11:0] s_axi_awaddr,
    input  wire logic              s_axi_awvalid,
    output      logic              s_axi_awready,
    input  wire logic [      31:0] s_axi_wdata,
    input  wire logic [       3:0] s_axi_wstrb,
    input  wire logic              s_axi_wvalid,
    output      logic              s_axi_wready,
    output      logic [       1:0] s_axi_bresp,
    output      logic              s_axi_bvalid,
    input  wire logic              s_axi_bready,
    input  wire logic [      11:0] s_axi_araddr,
    input  wire logic              s_axi_arvalid,
    output      logic              s_axi_arready,
    output      logic [      31:0] s_axi_rdata,
    output      logic [       1:0] s_axi_rresp,
    output      logic              s_axi_rvalid,
    input  wire logic              s_axi_rready,
    output      logic              core_rst_n,
    output      logic              start,
    output      logic [      31:0] batch,
    input  wire logic              in_busy,      // frames of the batch are still to come in
    input  wire logic              in_word,      // a DMA word came in
    input  wire logic              in_frame,     // the last word of a frame came in
    input  wire logic              in_early,     // tlast before the end of the batch
    input  wire logic              in_late,      // no tlast at the end of the batch
    input  wire logic              out_busy,     // frames of the batch are still to go out
    input  wire logic              out_word,     // a DMA word went out
    input  wire logic              out_frame,    // the last word of a frame went out
    input  wire logic [STAGES-1:0] stage_valid,
    input  wire logic [STAGES-1:0] stage_ready
);

  if (DMA_WIDTH != 32 && DMA_WIDTH != 64 && DMA_WIDTH != 128) $fatal(1, "control: DMA_WIDTH must be 32, 64 or 128");
  if (STAGES < 1 || STAGES > 256) $fatal(1, "control: STAGES must be 1 to 256");

  localparam logic [31:0] MAGIC = 32'h4132_5146;
  localparam int unsigned STAGE_BITS = STAGES > 1 ? $clog2(STAGES) : 1;
  localparam int unsigned Kinds = STAGES + 4;  // frames in, frames out, words in, words out; then the stalls
  localparam int unsigned KindBits = $clog2(Kinds);
  localparam int unsigned PendingBits = $clog2(Kinds + 1);

  if (COUNT_BITS < PendingBits || COUNT_BITS > 32) $fatal(1, "control: COUNT_BITS must be clog2(STAGES + 5) to 32");

  assign s_axi_bresp = 2'b00;
  assign s_axi_rresp = 2'b00;

  // Writes: address and data may come in either order.
  logic aw_held_q, w_held_q, bvalid_q, write;
  logic [9:0] awaddr_q;
  logic [31:0] wdata_q;
  logic [3:0] wstrb_q;

  assign s_axi_awready = !aw_held_q;
  assign s_axi_wready  = !w_held_q;
  assign s_axi_bvalid  = bvalid_q;
  assign write = aw_held_q && w_held_q && !bvalid_q;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      aw_held_q <= 1'b0;
      w_held_q  <= 1'b0;
      bvalid_q  <= 1'b0;
    end else begin
      if (s_axi_awvalid && s_axi_awready) aw_held_q <= 1'b1;
      if (s_axi_wvalid && s_axi_wready) w_held_q <= 1'b1;
      if (write) begin
        aw_held_q <= 1'b0;
        w_held_q  <= 1'b0;
        bvalid_q  <= 1'b1;
      end else if (s_axi_bready) begin
        bvalid_q <= 1'b0;
      end
    end
  end
  always_ff @(posedge clk) begin
    if (s_axi_awvalid && s_axi_awready) awaddr_q <= s_axi_awaddr[11:2];
    if (s_axi_wvalid && s_axi_wready) begin
      wdata_q <= s_axi_wdata;
      wstrb_q <= s_axi_wstrb;
    end
  end

  // Reset and batch.
  logic [4:0] resetting_q;
  logic core_rst_n_q, start_q, busy, accept, refuse, soft_reset;
  logic [31:0] batch_q;

  assign busy = in_busy || out_busy || start_q || resetting_q != '0;
  assign soft_reset = write && awaddr_q == 10'h003 && wstrb_q[0] && wdata_q[0];
  assign accept = write && awaddr_q == 10'h008 && wstrb_q == 4'hf && !busy && wdata_q != '0;
  assign refuse = write && awaddr_q == 10'h008 && !accept;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      resetting_q  <= 5'd16;
      core_rst_n_q <= 1'b0;
      start_q      <= 1'b0;
      batch_q      <= '0;
    end else begin
      if (soft_reset) resetting_q <= 5'd16;
      else if (resetting_q != '0) resetting_q <= resetting_q - 1'b1;
      core_rst_n_q <= resetting_q == '0 && !soft_reset;
      start_q      <= accept;
      if (accept) batch_q <= wdata_q;
    end
  end
  assign core_rst_n = core_rst_n_q;
  assign start = start_q;
  assign batch = batch_q;

  // Counters.
  logic [31:0] frames_total_q;
  logic [63:0] cycles_q;
  logic [ 2:0] errors_q;

  always_ff @(posedge clk) begin
    if (!core_rst_n_q) frames_total_q <= '0;
    else if (out_frame) frames_total_q <= frames_total_q + 1'b1;
    if (!core_rst_n_q || start_q) cycles_q <= '0;
    else if (in_busy || out_busy) cycles_q <= cycles_q + 1'b1;
  end

  always_ff @(posedge clk) begin
    if (!rst_n || soft_reset) errors_q <= '0;
    else errors_q <= errors_q | {refuse, in_late, in_early};
  end

  logic [Kinds-1:0] events;
  logic [PendingBits-1:0] pending_q[Kinds];
  logic [KindBits-1:0] sweep_q;
  logic first_q;  // the memory holds nothing of this batch before the sweep has been round once
  (* ram_style = "distributed" *) logic [COUNT_BITS-1:0] totals[Kinds];
  logic [COUNT_BITS:0] sum;
  logic [COUNT_BITS-1:0] total;  // of the kind where the sweep is
  logic clear;

  assign events = {stage_valid & ~stage_ready, out_word, in_word, out_frame, in_frame};
  assign clear = !core_rst_n_q || start_q;
  assign sum = (first_q ? '0 : {1'b0, totals[sweep_q]}) + (COUNT_BITS + 1)'(pending_q[sweep_q]);
  assign total = sum[COUNT_BITS] ? '1 : sum[COUNT_BITS-1:0];

  always_ff @(posedge clk) begin
    if (clear) first_q <= 1'b1;
    else if (sweep_q == KindBits'(Kinds - 1)) first_q <= 1'b0;
    if (clear || sweep_q == KindBits'(Kinds - 1)) sweep_q <= '0;
    else sweep_q <= sweep_q + 1'b1;
    for (int unsigned i = 0; i < Kinds; i++) begin
      if (clear) pending_q[i] <= '0;
      else pending_q[i] <= (sweep_q == KindBits'(i) ? '0 : pending_q[i]) + PendingBits'(events[i]);
    end
    totals[sweep_q] <= total;
  end

  // Reads.
  logic ar_held_q, rvalid_q, stage_exists, is_total, answer;
  logic [9:0] araddr_q;
  logic [31:0] rdata_q, rdata_d;
  logic [STAGE_BITS-1:0] stage;
  logic [KindBits-1:0] kind;

  assign s_axi_arready = !ar_held_q && !rvalid_q;
  assign s_axi_rvalid  = rvalid_q;
  assign s_axi_rdata   = rdata_q;
  assign stage = araddr_q[STAGE_BITS-1:0];
  assign stage_exists = {1'b0, araddr_q[7:0]} < 9'(STAGES);
  assign kind = araddr_q[8] ? KindBits'({1'b0, araddr_q[7:0]} + 9'd4) : KindBits'(araddr_q[2:0] - 3'd2);
  assign is_total = (araddr_q[9:8] == 2'b01 && stage_exists) || (araddr_q >= 10'h00a && araddr_q <= 10'h00d);
  assign answer = ar_held_q && (!is_total || sweep_q == kind);

  always_comb begin
    rdata_d = '0;
    if (is_total) rdata_d = 32'(total);
    if (araddr_q[9:8] == 2'b10 && stage_exists) rdata_d = {30'd0, stage_ready[stage], stage_valid[stage]};
    case (araddr_q)
      10'h000: rdata_d = MAGIC;
      10'h001: rdata_d = {16'(DMA_WIDTH), 16'd1};
      10'h002: rdata_d = 32'(STAGES);
      10'h004: rdata_d = IDENTITY[31:0];
      10'h005: rdata_d = IDENTITY[63:32];
      10'h006: rdata_d = IDENTITY[95:64];
      10'h007: rdata_d = IDENTITY[127:96];
      10'h008: rdata_d = batch_q;
      10'h009: rdata_d = {21'd0, errors_q, 4'd0, resetting_q != '0, out_busy, in_busy, busy};
      10'h00e: rdata_d = cycles_q[31:0];
      10'h00f: rdata_d = cycles_q[63:32];
      10'h010: rdata_d = frames_total_q;
      default: ;
    endcase
  end

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      ar_held_q <= 1'b0;
      rvalid_q  <= 1'b0;
    end else begin
      if (s_axi_arvalid && s_axi_arready) ar_held_q <= 1'b1;
      else if (answer) ar_held_q <= 1'b0;
      if (answer) rvalid_q <= 1'b1;
      else if (s_axi_rready) rvalid_q <= 1'b0;
    end
  end
  always_ff @(posedge clk) begin
    if (s_axi_arvalid && s_axi_arready) araddr_q <= s_axi_araddr[11:2];
    if (answer) rdata_q <= rdata_d;
  end

  logic unused;
  assign unused = &{1'b0, s_axi_awaddr[1:0], s_axi_araddr[1:0]};

endmodule

`default_nettype wire
