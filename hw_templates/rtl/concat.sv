// concat: the channels of one stream, then those of another, pixel by pixel.
//
// Function  FOLDS0 beats of s0_axis, then FOLDS1 beats of s1_axis, and so on. Lanes are extended to OUT_BITS, or cut to
//           them, which is exact where OUT_BITS hold the values.
// Layout    SIMD lanes, lane 0 in the least significant bits; each stream has its own bits and sign.
// Latency   1 cycle; one beat per cycle.
`default_nettype none

module concat #(
    parameter int unsigned SIMD,        // lanes
    parameter int unsigned IN0_BITS,    // bits of a lane of s0_axis
    parameter bit          IN0_SIGNED,  // its lanes are two's complement
    parameter int unsigned FOLDS0,      // its beats of a pixel
    parameter int unsigned IN1_BITS,    // of s1_axis
    parameter bit          IN1_SIGNED,
    parameter int unsigned FOLDS1,
    parameter int unsigned OUT_BITS     // bits of a lane of the output
) (
    input  wire logic                     clk,
    input  wire logic                     rst_n,
    input  wire logic [SIMD*IN0_BITS-1:0] s0_axis_tdata,
    input  wire logic                     s0_axis_tvalid,
    output      logic                     s0_axis_tready,
    input  wire logic [SIMD*IN1_BITS-1:0] s1_axis_tdata,
    input  wire logic                     s1_axis_tvalid,
    output      logic                     s1_axis_tready,
    output      logic [SIMD*OUT_BITS-1:0] m_axis_tdata,
    output      logic                     m_axis_tvalid,
    input  wire logic                     m_axis_tready
);

  if (SIMD < 1) $fatal(1, "concat: SIMD must be at least 1");
  if (IN0_BITS < 1 || IN1_BITS < 1 || OUT_BITS < 1)
    $fatal(1, "concat: IN0_BITS, IN1_BITS and OUT_BITS must be at least 1");
  if (FOLDS0 < 1 || FOLDS1 < 1) $fatal(1, "concat: FOLDS0 and FOLDS1 must be at least 1");

  localparam int unsigned FoldBits = $clog2(FOLDS0 + FOLDS1);

  logic [FoldBits-1:0] fold_q;
  logic enable, step, second, valid_q;
  logic [SIMD*OUT_BITS-1:0] data_q;

  assign second = fold_q >= FoldBits'(FOLDS0);
  assign enable = !valid_q || m_axis_tready;
  assign step = enable && (second ? s1_axis_tvalid : s0_axis_tvalid);
  assign s0_axis_tready = enable && !second;
  assign s1_axis_tready = enable && second;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      valid_q <= 1'b0;
      fold_q  <= '0;
    end else begin
      if (enable) valid_q <= step;
      if (step) fold_q <= fold_q == FoldBits'(FOLDS0 + FOLDS1 - 1) ? '0 : fold_q + 1'b1;
    end
  end

  for (genvar s = 0; s < SIMD; s++) begin : g_lane
    logic [IN0_BITS-1:0] in0;
    logic [IN1_BITS-1:0] in1;
    logic [OUT_BITS-1:0] wide0, wide1;
    assign in0 = s0_axis_tdata[s*IN0_BITS+:IN0_BITS];
    assign in1 = s1_axis_tdata[s*IN1_BITS+:IN1_BITS];
    assign wide0 = OUT_BITS'($signed({IN0_SIGNED & in0[IN0_BITS-1], in0}));
    assign wide1 = OUT_BITS'($signed({IN1_SIGNED & in1[IN1_BITS-1], in1}));
    always_ff @(posedge clk) if (step) data_q[s*OUT_BITS+:OUT_BITS] <= second ? wide1 : wide0;
  end

  assign m_axis_tdata  = data_q;
  assign m_axis_tvalid = valid_q;

  // Of inputs wider than the output the upper bits do not matter.
  logic unused;
  assign unused = &{1'b0, s0_axis_tdata, s1_axis_tdata};

endmodule

`default_nettype wire
