// pool: maximum over WINDOW consecutive beats, lane by lane.
//
// Function  out[p] = max over the WINDOW beats of a group of in[p]; behind a depthwise sliding window: max-pooling.
// Layout    PE lanes of BITS bits, lane 0 in the least significant bits, two's complement where SIGNED.
// Latency   1 cycle after the last beat of a group; one input beat per cycle.
`default_nettype none

module pool #(
    parameter int unsigned PE,      // lanes
    parameter int unsigned BITS,    // bits of a lane
    parameter bit          SIGNED,  // lanes are two's complement
    parameter int unsigned WINDOW   // beats of a group
) (
    input  wire logic               clk,
    input  wire logic               rst_n,
    input  wire logic [PE*BITS-1:0] s_axis_tdata,
    input  wire logic               s_axis_tvalid,
    output      logic               s_axis_tready,
    output      logic [PE*BITS-1:0] m_axis_tdata,
    output      logic               m_axis_tvalid,
    input  wire logic               m_axis_tready
);

  if (PE < 1 || BITS < 1) $fatal(1, "pool: PE and BITS must be at least 1");
  if (WINDOW < 1) $fatal(1, "pool: WINDOW must be at least 1");

  localparam int unsigned COUNT_BITS = WINDOW > 1 ? $clog2(WINDOW) : 1;
  // Signed lanes compare as unsigned ones once their sign bit is inverted.
  localparam logic [BITS-1:0] ONES = '1;
  localparam logic [BITS-1:0] FLIP = SIGNED ? ~(ONES >> 1) : '0;

  logic [COUNT_BITS-1:0] count_q;
  logic [PE*BITS-1:0] best_q;
  logic valid_q, push, first, last;

  assign s_axis_tready = !valid_q || m_axis_tready;
  assign push = s_axis_tvalid && s_axis_tready;
  assign first = count_q == '0;
  assign last = count_q == COUNT_BITS'(WINDOW - 1);

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      count_q <= '0;
      valid_q <= 1'b0;
    end else begin
      if (push) count_q <= last ? '0 : count_q + 1'b1;
      if (s_axis_tready) valid_q <= push && last;
    end
  end

  for (genvar p = 0; p < PE; p++) begin : g_lane
    logic [BITS-1:0] value, best;
    assign value = s_axis_tdata[p*BITS+:BITS];
    assign best  = best_q[p*BITS+:BITS];
    always_ff @(posedge clk) begin
      if (push && (first || (value ^ FLIP) > (best ^ FLIP))) best_q[p*BITS+:BITS] <= value;
    end
  end

  assign m_axis_tdata  = best_q;
  assign m_axis_tvalid = valid_q;

endmodule

`default_nettype wire
