// add: weighted sum of two streams, lane by lane (residual add).
//
// Function  out[p] = FACTOR0 * in0[p] + FACTOR1 * in1[p], modulo 2**OUT_BITS: exact where OUT_BITS hold the sum.
// Layout    PE lanes, lane 0 in the least significant bits; each stream has its own bits and sign.
// Latency   1 cycle; one beat per cycle. A beat of one input waits for that of the other.
`default_nettype none

(* use_dsp = "no" *)
module add #(
    parameter int unsigned PE,          // lanes
    parameter int unsigned IN0_BITS,    // bits of a lane of s0_axis
    parameter bit          IN0_SIGNED,  // its lanes are two's complement
    parameter int unsigned IN1_BITS,    // of s1_axis
    parameter bit          IN1_SIGNED,
    parameter int          FACTOR0,
    parameter int          FACTOR1,
    parameter int unsigned OUT_BITS     // bits of a lane of the output
) (
    input  wire logic                   clk,
    input  wire logic                   rst_n,
    input  wire logic [PE*IN0_BITS-1:0] s0_axis_tdata,
    input  wire logic                   s0_axis_tvalid,
    output      logic                   s0_axis_tready,
    input  wire logic [PE*IN1_BITS-1:0] s1_axis_tdata,
    input  wire logic                   s1_axis_tvalid,
    output      logic                   s1_axis_tready,
    output      logic [PE*OUT_BITS-1:0] m_axis_tdata,
    output      logic                   m_axis_tvalid,
    input  wire logic                   m_axis_tready
);

  if (PE < 1) $fatal(1, "add: PE must be at least 1");
  if (IN0_BITS < 1 || IN1_BITS < 1 || OUT_BITS < 1) $fatal(1, "add: IN0_BITS, IN1_BITS, OUT_BITS must be at least 1");

  logic enable, step, valid_q;
  logic [PE*OUT_BITS-1:0] sum_q;

  assign enable = !valid_q || m_axis_tready;
  assign step = enable && s0_axis_tvalid && s1_axis_tvalid;
  assign s0_axis_tready = enable && s1_axis_tvalid;
  assign s1_axis_tready = enable && s0_axis_tvalid;

  always_ff @(posedge clk) begin
    if (!rst_n) valid_q <= 1'b0;
    else if (enable) valid_q <= step;
  end

  for (genvar p = 0; p < PE; p++) begin : g_lane
    logic [IN0_BITS-1:0] in0;
    logic [IN1_BITS-1:0] in1;
    logic [OUT_BITS-1:0] term0, term1;
    assign in0 = s0_axis_tdata[p*IN0_BITS+:IN0_BITS];
    assign in1 = s1_axis_tdata[p*IN1_BITS+:IN1_BITS];
    assign term0 = OUT_BITS'(FACTOR0) * OUT_BITS'($signed({IN0_SIGNED & in0[IN0_BITS-1], in0}));
    assign term1 = OUT_BITS'(FACTOR1) * OUT_BITS'($signed({IN1_SIGNED & in1[IN1_BITS-1], in1}));
    always_ff @(posedge clk) if (step) sum_q[p*OUT_BITS+:OUT_BITS] <= term0 + term1;
  end

  assign m_axis_tdata  = sum_q;
  assign m_axis_tvalid = valid_q;

  // Of inputs wider than the sum the upper bits do not matter.
  logic unused;
  assign unused = &{1'b0, s0_axis_tdata, s1_axis_tdata};

endmodule

`default_nettype wire
