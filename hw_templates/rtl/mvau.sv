// mvau: matrix-vector product of a stream of vectors and a matrix in a ROM, folded SF x NF; no activation.
//
// Function  y[c] = sum_r x[r] * W[r][c] for MW inputs r and MH outputs c, one vector x after the other.
//           x: INPUT_BITS, signed or unsigned; W: WEIGHT_BITS, signed two's complement; y: two's complement, summed
//           modulo 2**ACC_BITS[c % PE], exact where that holds the final sum; sign-extended to OUT_BITS.
// Folding   SF = MW/SIMD input beats a vector, NF = MH/PE output beats: input r = sf*SIMD + s is lane s of beat sf,
//           output c = nf*PE + p is lane p of beat nf. Each output beat takes a pass over the SF input beats: the
//           first pass takes them from the stream, the others from a buffer.
// Memory    WEIGHT_FILE, one word a line in hex: word nf*SF + sf holds W[sf*SIMD + s][nf*PE + p] in the WEIGHT_BITS
//           bits from (p*SIMD + s)*WEIGHT_BITS on.
// Timing    NF*SF cycles a vector, none between vectors. From the last input beat of a pass to its output beat
//           5 cycles (SF = 1 or NF = 1: 4; both: 3). Everything stands still while a valid output beat is not taken.
`default_nettype none

module mvau #(
    parameter int unsigned MW,
    parameter int unsigned MH,
    parameter int unsigned PE,
    parameter int unsigned SIMD,
    parameter int unsigned WEIGHT_BITS,
    parameter int unsigned INPUT_BITS,
    parameter bit          INPUT_SIGNED,
    parameter logic [8*PE-1:0] ACC_BITS,  // byte p: accumulator bits of lane p
    parameter int unsigned OUT_BITS,      // bits of an output lane, at least those of every accumulator
    parameter string       WEIGHT_FILE,
    parameter string       RAM_STYLE      // of the weights: "auto", "distributed", "block"
) (
    input  wire logic                       clk,
    input  wire logic                       rst_n,
    input  wire logic [SIMD*INPUT_BITS-1:0] s_axis_tdata,
    input  wire logic                       s_axis_tvalid,
    output      logic                       s_axis_tready,
    output      logic [    PE*OUT_BITS-1:0] m_axis_tdata,
    output      logic                       m_axis_tvalid,
    input  wire logic                       m_axis_tready
);
  // A ROM in LUTs is "distributed" to FINN and Vivado users; as an attribute Yosys takes that for LUTRAM, which has
  // no read-only form, and stops. "registers" means LUTs to both, because constant registers become logic.
  localparam string RomStyle = RAM_STYLE == "distributed" ? "registers" : RAM_STYLE;

  if (MW < 1 || SIMD < 1 || MW % SIMD != 0) $fatal(1, "mvau: SIMD must divide MW");
  if (MH < 1 || PE < 1 || MH % PE != 0) $fatal(1, "mvau: PE must divide MH");
  if (WEIGHT_BITS < 1 || WEIGHT_BITS > 9) $fatal(1, "mvau: WEIGHT_BITS must be 1 ... 9 (unsigned: 8 and a sign)");
  if (INPUT_BITS < 1 || INPUT_BITS > 8) $fatal(1, "mvau: INPUT_BITS must be 1 ... 8");
  if (RomStyle != "auto" && RomStyle != "registers" && RomStyle != "block")
    $fatal(1, "mvau: RAM_STYLE must be auto, distributed or block");

  localparam int unsigned SF = MW / SIMD;
  localparam int unsigned NF = MH / PE;
  localparam int unsigned Words = SF * NF;
  localparam int unsigned AddressBits = Words > 1 ? $clog2(Words) : 1;
  localparam int unsigned PAIRS = SIMD > 1 ? SIMD / 2 : 1;

  (* ram_style = RomStyle *) logic [PE*SIMD*WEIGHT_BITS-1:0] weights[Words];
  initial $readmemh(WEIGHT_FILE, weights);

  // Everything moves while the output beat is free or taken.
  logic en;
  assign en = !m_axis_tvalid || m_axis_tready;

  // The next pair of operands: `valid` says whether they exist, `first` and `last` where they stand in their pass.
  logic valid, first, last, load;
  logic [AddressBits-1:0] address;
  logic [SIMD-1:0][INPUT_BITS-1:0] x;

  mvau_feed #(
      .SF(SF), .NF(NF), .WIDTH(SIMD * INPUT_BITS)
  ) i_feed (
      .clk, .rst_n, .en, .s_axis_tdata, .s_axis_tvalid, .s_axis_tready, .valid, .load, .first, .last, .address, .x
  );

  // Operands.
  logic [PE-1:0][SIMD-1:0][WEIGHT_BITS-1:0] w_q;
  logic [SIMD-1:0][INPUT_BITS-1:0] x_q;
  logic [PAIRS-1:0][INPUT_BITS:0] pair_q;

  always_ff @(posedge clk) begin
    if (en) w_q <= weights[address];
    if (en && load) x_q <= x;
  end

  if (SIMD > 1) begin : g_pairs
    for (genvar i = 0; i < PAIRS; i++) begin : g_pair
      logic [INPUT_BITS:0] even, odd;
      assign even = {INPUT_SIGNED & x[2*i][INPUT_BITS-1], x[2*i]};
      assign odd = {INPUT_SIGNED & x[2*i+1][INPUT_BITS-1], x[2*i+1]};
      always_ff @(posedge clk) if (en && load) pair_q[i] <= even + odd;
    end
  end else begin : g_no_pairs
    assign pair_q = '0;
  end

  // Flags that travel with the operands (0), the sums of the planes (1) and the dot products (2).
  logic [2:0] valid_q, last_q;

  always_ff @(posedge clk) begin
    if (!rst_n) valid_q <= '0;
    else if (en) valid_q <= {valid_q[1:0], valid};
    if (en) last_q <= {last_q[1:0], last};
  end

  logic dot_first;
  if (SF > 1) begin : g_accumulate
    logic [2:0] first_q;
    logic m_valid_q;
    always_ff @(posedge clk) begin
      if (!rst_n) m_valid_q <= 1'b0;
      else if (en) m_valid_q <= valid_q[2] && last_q[2];
      if (en) first_q <= {first_q[1:0], first};
    end
    assign dot_first = first_q[2];
    assign m_axis_tvalid = m_valid_q;
  end else begin : g_single
    logic unused;
    assign unused = &{1'b0, first, last_q[2]};
    assign dot_first = 1'b1;
    assign m_axis_tvalid = valid_q[2];
  end

  for (genvar p = 0; p < PE; p++) begin : g_lane
    localparam int unsigned AccBits = 32'(ACC_BITS[8*p+:8]);
    if (AccBits < 1 || AccBits > OUT_BITS) $fatal(1, "mvau: ACC_BITS must be 1 ... OUT_BITS in every lane");
    logic [AccBits-1:0] acc;

    mvau_lane #(
        .SIMD(SIMD), .WEIGHT_BITS(WEIGHT_BITS), .INPUT_BITS(INPUT_BITS), .INPUT_SIGNED(INPUT_SIGNED),
        .ACC_BITS(AccBits), .ACCUMULATE(SF > 1)
    ) i_lane (
        .clk, .en, .w(w_q[p]), .x(x_q), .pair(pair_q), .valid(valid_q[2]), .first(dot_first), .acc
    );
    assign m_axis_tdata[p*OUT_BITS+:OUT_BITS] = OUT_BITS'($signed(acc));
  end
endmodule

`default_nettype wire
