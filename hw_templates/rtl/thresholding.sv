// thresholding: per channel, counts the thresholds that a value reaches.
//
// Function  y[c] = OUT_BIAS + sum_i (x[c] >= T[c][i]), i = 0 ... THRESHOLDS-1; T[c] ascends.
//           x: INPUT_BITS, signed or unsigned; y: the low OUT_BITS bits.
// Folding   CF = CHANNELS/PE beats a pixel: lane p of beat f is channel (f mod CF)*PE + p.
// Method    Binary search, one stage a bit of the count, the highest bit first. The thresholds are filled up to
//           2**Stages - 1 with values that no x exceeds.
// Memory    Stored is t = T - 1, so that x >= T becomes x > t and t fits the accumulator's own width: THRESH_BITS,
//           two's complement if THRESH_SIGNED. Stage s of lane p has the file <THRESH_FILE>_<s>_<p>.hex, one word a
//           line in hex: word f * 2**s + prefix is t[(2*prefix + 1) * 2**(Stages-1-s) - 1] of channel f*PE + p.
// Timing    One beat a cycle, Stages + 1 cycles behind its input. Everything stands still while a valid output beat is
//           not taken.
`default_nettype none

module thresholding #(
    parameter int unsigned CHANNELS,
    parameter int unsigned PE,
    parameter int unsigned INPUT_BITS,
    parameter bit          INPUT_SIGNED,
    parameter int unsigned OUT_BITS,
    parameter int signed   OUT_BIAS,
    parameter int unsigned THRESHOLDS,     // per channel
    parameter int unsigned THRESH_BITS,
    parameter bit          THRESH_SIGNED,
    parameter string       THRESH_FILE,    // stem of the files
    parameter string       RAM_STYLE       // "auto", "distributed", "block"
) (
    input  wire logic                     clk,
    input  wire logic                     rst_n,
    input  wire logic [PE*INPUT_BITS-1:0] s_axis_tdata,
    input  wire logic                     s_axis_tvalid,
    output      logic                     s_axis_tready,
    output      logic [  PE*OUT_BITS-1:0] m_axis_tdata,
    output      logic                     m_axis_tvalid,
    input  wire logic                     m_axis_tready
);
  if (CHANNELS < 1 || PE < 1 || CHANNELS % PE != 0) $fatal(1, "thresholding: PE must divide CHANNELS");
  if (INPUT_BITS < 1 || INPUT_BITS > 63) $fatal(1, "thresholding: INPUT_BITS must be 1 ... 63");
  if (THRESHOLDS < 1 || THRESHOLDS > 255) $fatal(1, "thresholding: THRESHOLDS must be 1 ... 255");
  if (THRESH_BITS < 1 || THRESH_BITS > 63) $fatal(1, "thresholding: THRESH_BITS must be 1 ... 63");
  if (OUT_BITS < 1 || OUT_BITS > 31 || (OUT_BIAS < 0 ? OUT_BIAS < -(1 << (OUT_BITS - 1)) : 0)
      || OUT_BIAS + int'(THRESHOLDS) >= (OUT_BIAS < 0 ? 1 << (OUT_BITS - 1) : 1 << OUT_BITS))
    $fatal(1, "thresholding: OUT_BITS must hold OUT_BIAS ... OUT_BIAS + THRESHOLDS");

  localparam int unsigned CF = CHANNELS / PE;
  localparam int unsigned FoldBits = CF > 1 ? $clog2(CF) : 1;
  localparam int unsigned Stages = $clog2(THRESHOLDS + 1);

  // Width of the comparisons: one that holds both x and t, or, where that is so much wider that it pays, one bit more
  // than t, to whose range x is then clipped.
  localparam bit BothSigned = INPUT_SIGNED || THRESH_SIGNED;
  localparam int unsigned XBits = INPUT_BITS + 32'(BothSigned && !INPUT_SIGNED);
  localparam int unsigned TBits = THRESH_BITS + 32'(BothSigned && !THRESH_SIGNED);
  localparam int unsigned BothBits = XBits > TBits ? XBits : TBits;
  localparam int unsigned ClippedBits = THRESH_BITS + 1;
  localparam bit Clip = BothBits > ClippedBits && Stages * (BothBits - ClippedBits) > ClippedBits;
  localparam bit CompareSigned = Clip ? THRESH_SIGNED : BothSigned;
  localparam int unsigned CompareBits = Clip ? ClippedBits : BothBits;
  localparam logic [CompareBits-1:0] Offset = CompareBits'(CompareSigned) << (CompareBits - 1);

  logic en;
  assign en = !m_axis_tvalid || m_axis_tready;
  assign s_axis_tready = en;

  // The fold of the beat that enters stage s, and its complement (see thresholding_stage) behind the stage's register.
  logic [FoldBits-1:0] fold_q;
  logic [Stages-1:0][FoldBits-1:0] fold, fold_nq;
  logic [Stages:0] valid_q;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      fold_q <= '0;
      valid_q <= '0;
    end else if (en) begin
      if (s_axis_tvalid && CF > 1) fold_q <= fold_q == FoldBits'(CF - 1) ? '0 : fold_q + 1'b1;
      valid_q <= {valid_q[Stages-1:0], s_axis_tvalid};
    end
  end

  assign fold[0] = fold_q;
  for (genvar s = 1; s < Stages; s++) begin : g_fold
    assign fold[s] = ~fold_nq[s-1];
  end
  always_ff @(posedge clk) if (en) fold_nq <= ~fold;

  assign m_axis_tvalid = valid_q[Stages];

  for (genvar p = 0; p < PE; p++) begin : g_lane
    logic [BothBits-1:0] x_extended;
    // x[s] enters stage s; offset binary where the comparison is signed. count[s]: the s highest bits of the count.
    logic [CompareBits-1:0] x[Stages+1]  /* verilator split_var */;
    logic [Stages-1:0] count[Stages+1]  /* verilator split_var */;
    logic [OUT_BITS-1:0] out_q;

    assign x_extended = BothBits'($signed({INPUT_SIGNED & s_axis_tdata[(p+1)*INPUT_BITS-1],
                                           s_axis_tdata[p*INPUT_BITS+:INPUT_BITS]}));
    if (Clip) begin : g_clip
      logic fits;
      logic negative;
      assign negative = BothSigned & x_extended[BothBits-1];
      assign fits = x_extended[BothBits-1:ClippedBits] == {(BothBits - ClippedBits) {THRESH_SIGNED & negative}}
                 && (!THRESH_SIGNED || x_extended[ClippedBits-1] == negative);
      assign x[0] = fits ? x_extended[CompareBits-1:0] ^ Offset : {CompareBits{!negative}};
    end else begin : g_extend
      assign x[0] = x_extended ^ Offset;
    end
    assign count[0] = '0;

    for (genvar s = 0; s < Stages; s++) begin : g_stage
      localparam int unsigned PrefixBits = s > 0 ? s : 1;
      logic [s:0] index;
      thresholding_stage #(
          .STAGE(s), .FOLDS(CF), .COMPARE_BITS(CompareBits), .COMPARE_SIGNED(CompareSigned),
          .THRESH_BITS(THRESH_BITS), .THRESH_SIGNED(THRESH_SIGNED),
          .FILE($sformatf("%s_%0d_%0d.hex", THRESH_FILE, s, p)), .RAM_STYLE(RAM_STYLE)
      ) i_stage (
          .clk, .en, .x(x[s]), .prefix(count[s][PrefixBits-1:0]), .fold(fold[s]), .fold_nq(fold_nq[s]),
          .x_q(x[s+1]), .index
      );
      assign count[s+1] = Stages'(index);
    end

    always_ff @(posedge clk) if (en) out_q <= OUT_BITS'(OUT_BIAS) + OUT_BITS'(count[Stages]);
    assign m_axis_tdata[p*OUT_BITS+:OUT_BITS] = out_q;
  end

endmodule

`default_nettype wire
