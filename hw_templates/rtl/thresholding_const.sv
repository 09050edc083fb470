// thresholding_const: per channel, counts the thresholds that a value reaches; all channels in a beat, thresholds in LUTs.
//
// Function  y[c] = OUT_BIAS + sum_i (x[c] >= T[c][i]); T[c] ascends. x: INPUT_BITS, signed or unsigned; y: the low
//           OUT_BITS bits.
// Folding   none: channel c is lane c of the one beat of a pixel.
// Method    Binary search over 2**STAGES - 1 thresholds, one stage a bit of the count, the highest bit first; the
//           threshold of a stage is a constant function of the bits found so far. See thresholding_const_stage.
//           x is compared as a number of COMPARE_BITS, with the sign inverted where COMPARE_SIGNED.
// Tables    TABLES: 64 bits a LUT, those of lane 0 first, of a lane those of stage 0, of a stage the lowest bits'.
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
    parameter int unsigned COMPARE_BITS,
    parameter bit          COMPARE_SIGNED,
    parameter int unsigned LUTS,            // of a lane, all stages
    parameter logic [64*CHANNELS*LUTS-1:0] TABLES
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
  if (OUT_BITS < 1 || OUT_BITS > 31) $fatal(1, "thresholding_const: OUT_BITS must be 1 ... 31");
  if (COMPARE_BITS < INPUT_BITS || (COMPARE_SIGNED && !INPUT_SIGNED && COMPARE_BITS == INPUT_BITS))
    $fatal(1, "thresholding_const: COMPARE_BITS must hold x");
  if (INPUT_SIGNED && !COMPARE_SIGNED) $fatal(1, "thresholding_const: a signed x needs COMPARE_SIGNED");
  if (LUTS != luts_before(STAGES)) $fatal(1, "thresholding_const: LUTS does not fit STAGES and COMPARE_BITS");

  // LUTs of the stages before stage s.
  function automatic int unsigned luts_before(input int unsigned s);
    luts_before = 0;
    for (int unsigned i = 0; i < s; i++)
      luts_before += COMPARE_BITS > 6 - i ? 1 + (COMPARE_BITS - (6 - i) + (5 - i) - 1) / (5 - i) : 1;
  endfunction

  localparam logic [COMPARE_BITS-1:0] Offset = COMPARE_BITS'(COMPARE_SIGNED) << (COMPARE_BITS - 1);

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
    logic [INPUT_BITS-1:0] in;
    // x[s], count[s]: what enters stage s, the s highest bits of the count.
    logic [COMPARE_BITS-1:0] x[STAGES+1]  /* verilator split_var */;
    logic [STAGES-1:0] count[STAGES+1]  /* verilator split_var */;

    assign in = s_axis_tdata[c*INPUT_BITS+:INPUT_BITS];
    assign x[0] = COMPARE_BITS'($signed({INPUT_SIGNED & in[INPUT_BITS-1], in})) ^ Offset;
    assign count[0] = '0;

    for (genvar s = 0; s < STAGES; s++) begin : g_stage
      localparam int unsigned PrefixBits = s > 0 ? s : 1;
      localparam int unsigned Luts = luts_before(s + 1) - luts_before(s);
      logic above;
      logic [COMPARE_BITS-1:0] x_q;
      logic [STAGES-1:0] count_q;
      thresholding_const_stage #(
          .STAGE(s), .BITS(COMPARE_BITS), .LUTS(Luts), .TABLES(TABLES[64*(c*LUTS+luts_before(s))+:64*Luts])
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
endmodule

`default_nettype wire
