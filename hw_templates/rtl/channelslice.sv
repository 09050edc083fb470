// channelslice: keeps some of the channels of every pixel.
//
// Function  Of every FOLDS beats (a pixel) those from START to STOP - 1 pass, the others are taken and dropped.
// Latency   1 cycle; one input beat per cycle.
`default_nettype none

module channelslice #(
    parameter int unsigned WIDTH,  // bits of a beat
    parameter int unsigned FOLDS,  // beats of a pixel
    parameter int unsigned START,  // the first of them that passes
    parameter int unsigned STOP    // one after the last
) (
    input  wire logic             clk,
    input  wire logic             rst_n,
    input  wire logic [WIDTH-1:0] s_axis_tdata,
    input  wire logic             s_axis_tvalid,
    output      logic             s_axis_tready,
    output      logic [WIDTH-1:0] m_axis_tdata,
    output      logic             m_axis_tvalid,
    input  wire logic             m_axis_tready
);

  if (WIDTH < 1) $fatal(1, "channelslice: WIDTH must be at least 1");
  if (START >= STOP || STOP > FOLDS) $fatal(1, "channelslice: START < STOP <= FOLDS must hold");

  localparam int unsigned FoldBits = FOLDS > 1 ? $clog2(FOLDS) : 1;

  logic [FoldBits-1:0] fold_q;
  logic from_start, before_stop, passes, enable, push, valid_q;
  logic [WIDTH-1:0] data_q;

  // One compare at each end; an end that is the pixel's own needs none.
  if (START > 0) assign from_start = fold_q >= FoldBits'(START);
  else assign from_start = 1'b1;
  if (STOP < FOLDS) assign before_stop = fold_q < FoldBits'(STOP);
  else assign before_stop = 1'b1;

  assign passes = from_start && before_stop;
  assign enable = !valid_q || m_axis_tready;
  assign s_axis_tready = enable || !passes;
  assign push = s_axis_tvalid && s_axis_tready;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      valid_q <= 1'b0;
      fold_q  <= '0;
    end else begin
      if (enable) valid_q <= push && passes;
      if (push) fold_q <= fold_q == FoldBits'(FOLDS - 1) ? '0 : fold_q + 1'b1;
    end
  end
  always_ff @(posedge clk) begin
    if (push && passes) data_q <= s_axis_tdata;
  end

  assign m_axis_tdata  = data_q;
  assign m_axis_tvalid = valid_q;

endmodule

`default_nettype wire
