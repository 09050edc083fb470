// thresholding_const: per channel, counts the thresholds that a value reaches; all channels in a beat, thresholds as logic.
//
// Function  y[c] = OUT_BIAS + sum_i (x[c] >= T[c][i]); T[c] ascends. x: INPUT_BITS, signed or unsigned; y: the low
//           OUT_BITS bits.
// Folding   none: channel c is lane c of the one beat of a pixel.
// Method    Binary search over 2**STAGES - 1 thresholds, one stage a bit of the count, the highest bit first; the
//           threshold of a stage is a constant function of the bits found so far.
// Table     Stored is t = T - 1, so that x >= T becomes x > t: THRESH_BITS, two's complement if THRESH_SIGNED, clipped
//           to the range of x and filled up with a value that no x exceeds. t[c][i] in the THRESH_BITS bits from
//           (c*(2**STAGES - 1) + i)*THRESH_BITS on.
// Timing    One beat a cycle, STAGES cycles behind its input. Everything stands still while a valid output beat is not
//           taken.
`default_nettype none

module thresholding_const #(
    parameter int unsigned CHANNELS,
    parameter int unsigned INPUT_BITS,
    parameter bit          INPUT_SIGNED,
    parameter int unsigned OUT_BITS,
    parameter int signed   OUT_BIAS,
    parameter int unsigned STAGES,
    parameter int unsigned THRESH_BITS,
    parameter bit          THRESH_SIGNED,
    parameter logic [CHANNELS*((1<<STAGES)-1)*THRESH_BITS-1:0] THRESHOLDS
) (
    input  wire logic                           clk,
    input  wire logic                           rst_n,
    input  wire logic [CHANNELS*INPUT_BITS-1:0] s_axis_tdata,
    input  wire logic                           s_axis_tvalid,
    output      logic                           s_axis_tready,
    output      logic [  CHANNELS*OUT_BITS-1:0] m_axis_tdata,
    output      logic                           m_axis_tvalid,
    input  wire logic                           m_axis_tready
);
  if (CHANNELS < 1) $fatal(1, "thresholding_const: CHANNELS must be at least 1");
  if (STAGES < 1 || STAGES > 5) $fatal(1, "thresholding_const: STAGES must be 1 ... 5");
  if (INPUT_BITS < 1 || INPUT_BITS > 63) $fatal(1, "thresholding_const: INPUT_BITS must be 1 ... 63");
  if (THRESH_BITS < 1 || THRESH_BITS > 63) $fatal(1, "thresholding_const: THRESH_BITS must be 1 ... 63");
  if (OUT_BITS < 1 || OUT_BITS > 31) $fatal(1, "thresholding_const: OUT_BITS must be 1 ... 31");

  localparam int unsigned Count = (1 << STAGES) - 1;
  // A width that holds both x and t; the sign inverted, so that the comparison is one of unsigned numbers.
  localparam bit Signed = INPUT_SIGNED || THRESH_SIGNED;
  localparam int unsigned XBits = INPUT_BITS + 32'(Signed && !INPUT_SIGNED);
  localparam int unsigned TBits = THRESH_BITS + 32'(Signed && !THRESH_SIGNED);
  localparam int unsigned Bits = XBits > TBits ? XBits : TBits;
  localparam logic [Bits-1:0] Offset = Bits'(Signed) << (Bits - 1);

  // The thresholds of lane c, extended to Bits.
  function automatic logic [Count*Bits-1:0] lane_thresholds(input int unsigned c);
    for (int unsigned i = 0; i < Count; i++) begin
      logic [THRESH_BITS-1:0] t;
      t = THRESHOLDS[(c*Count+i)*THRESH_BITS+:THRESH_BITS];
      lane_thresholds[i*Bits+:Bits] = Bits'($signed({THRESH_SIGNED & t[THRESH_BITS-1], t})) ^ Offset;
    end
  endfunction

  logic en;
  assign en = !m_axis_tvalid || m_axis_tready;
  assign s_axis_tready = en;

  logic [STAGES:0] valid;
  logic [STAGES-1:0] valid_q;
  assign valid = {valid_q, s_axis_tvalid};
  always_ff @(posedge clk) begin
    if (!rst_n) valid_q <= '0;
    else if (en) valid_q <= valid[STAGES-1:0];
  end
  assign m_axis_tvalid = valid[STAGES];

  for (genvar c = 0; c < CHANNELS; c++) begin : g_lane
    localparam logic [Count*Bits-1:0] Lane = lane_thresholds(c);
    logic [INPUT_BITS-1:0] in;
    // x[s], count[s]: what enters stage s, the s highest bits of the count.
    logic [Bits-1:0] x[STAGES+1]  /* verilator split_var */;
    logic [STAGES-1:0] count[STAGES+1]  /* verilator split_var */;

    assign in = s_axis_tdata[c*INPUT_BITS+:INPUT_BITS];
    assign x[0] = Bits'($signed({INPUT_SIGNED & in[INPUT_BITS-1], in})) ^ Offset;
    assign count[0] = '0;

    for (genvar s = 0; s < STAGES; s++) begin : g_stage
      localparam int unsigned PrefixBits = s > 0 ? s : 1;
      logic above;
      logic [Bits-1:0] x_q;
      logic [STAGES-1:0] count_q;
      thresholding_const_stage #(
          .STAGE(s), .STAGES(STAGES), .BITS(Bits), .THRESHOLDS(Lane)
      ) i_stage (
          .x(x[s]), .prefix(count[s][PrefixBits-1:0]), .above
      );
      always_ff @(posedge clk) begin
        if (en) begin
          x_q <= x[s];
          count_q <= STAGES'({count[s], above});
        end
      end
      assign x[s+1] = x_q;
      assign count[s+1] = count_q;
    end
    assign m_axis_tdata[c*OUT_BITS+:OUT_BITS] = OUT_BITS'(OUT_BIAS) + OUT_BITS'(count[STAGES]);
  end

  logic unused;
  assign unused = &{1'b0, valid};
endmodule

`default_nettype wire
