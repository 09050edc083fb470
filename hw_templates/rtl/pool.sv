// pool: maximum or sum over WINDOW consecutive beats, lane by lane.
//
// Function  out[p] = max, or with SUM the sum modulo 2**OUT_BITS, over the WINDOW beats of a group of in[p]; behind a
//           depthwise sliding window: max-pooling, average pooling without its division. A sum is exact where OUT_BITS
//           hold it.
// Layout    PE lanes of BITS bits, lane 0 in the least significant bits, two's complement where SIGNED.
// Latency   1 cycle after the last beat of a group; one input beat per cycle.
`default_nettype none

(* use_dsp = "no" *)
module pool #(
    parameter int unsigned PE,       // lanes
    parameter int unsigned BITS,     // bits of a lane
    parameter bit          SIGNED,   // lanes are two's complement
    parameter int unsigned WINDOW,   // beats of a group
    parameter bit          SUM,      // sum in place of maximum
    parameter int unsigned OUT_BITS  // bits of an output lane; of a maximum those of the input
) (
    input  wire logic                   clk,
    input  wire logic                   rst_n,
    input  wire logic [    PE*BITS-1:0] s_axis_tdata,
    input  wire logic                   s_axis_tvalid,
    output      logic                   s_axis_tready,
    output      logic [PE*OUT_BITS-1:0] m_axis_tdata,
    output      logic                   m_axis_tvalid,
    input  wire logic                   m_axis_tready
);

  if (PE < 1 || BITS < 1) $fatal(1, "pool: PE and BITS must be at least 1");
  if (WINDOW < 1) $fatal(1, "pool: WINDOW must be at least 1");
  if (OUT_BITS < 1 || (!SUM && OUT_BITS != BITS)) $fatal(1, "pool: OUT_BITS must be BITS, or with SUM at least 1");

  localparam int unsigned COUNT_BITS = WINDOW > 1 ? $clog2(WINDOW) : 1;

  logic [COUNT_BITS-1:0] count_q;
  logic [PE*OUT_BITS-1:0] result_q;
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
    logic [BITS-1:0] value;
    logic [OUT_BITS-1:0] result;
    assign value  = s_axis_tdata[p*BITS+:BITS];
    assign result = result_q[p*OUT_BITS+:OUT_BITS];
    if (SUM) begin : g_sum
      logic [OUT_BITS-1:0] term;
      assign term = OUT_BITS'($signed({SIGNED & value[BITS-1], value}));
      always_ff @(posedge clk) if (push) result_q[p*OUT_BITS+:OUT_BITS] <= term + (first ? '0 : result);
    end else begin : g_max
      // Signed lanes compare as unsigned ones once their sign bit is inverted.
      localparam logic [BITS-1:0] ONES = '1;
      localparam logic [BITS-1:0] FLIP = SIGNED ? ~(ONES >> 1) : '0;
      always_ff @(posedge clk) begin
        if (push && (first || (value ^ FLIP) > (result ^ FLIP))) result_q[p*OUT_BITS+:OUT_BITS] <= value;
      end
    end
  end

  assign m_axis_tdata  = result_q;
  assign m_axis_tvalid = valid_q;

  // Of inputs wider than the sum the upper bits do not matter.
  logic unused;
  assign unused = &{1'b0, s_axis_tdata};

endmodule

`default_nettype wire
