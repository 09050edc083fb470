// mvau_dsp: matrix-vector product of a stream of vectors and a matrix in a ROM, multiplied in DSP slices.
//
// Function  y[c] = sum_r x[r] * W[r][c] for MW inputs r and MH outputs c, as mvau.sv: x: INPUT_BITS, signed or unsigned;
//           W: WEIGHT_BITS, signed two's complement; y: two's complement, summed modulo 2**ACC_BITS[c % PE],
//           sign-extended to OUT_BITS.
// Folding   SF = MW/SIMD input beats a vector, NF = MH/PE output beats: input r = sf*SIMD + s is lane s of beat sf,
//           output c = nf*PE + p is lane p of beat nf.
// Lanes     The first DSP_PE of the PE lanes take SIMD slices for every PER_DSP of them, in cascades of CHAIN, which add
//           up CHAIN products of every lane (mvau_dsp_chain.sv). The others are of LUTs (mvau_lane.sv).
// Memory    WEIGHT_FILE, as in mvau.sv. NARROW: no weight in it is -2**(WEIGHT_BITS-1).
// Timing    NF*SF cycles a vector, none between vectors. From the last input beat of a pass to its output beat
//           7 cycles (SF = 1 or NF = 1: 6), with CHAIN > 4 one more. Everything stands still while a valid output beat is
//           not taken.
`default_nettype none

module mvau_dsp #(
    parameter int unsigned MW,
    parameter int unsigned MH,
    parameter int unsigned PE,
    parameter int unsigned SIMD,
    parameter int unsigned WEIGHT_BITS,
    parameter int unsigned INPUT_BITS,
    parameter bit          INPUT_SIGNED,
    parameter logic [8*PE-1:0] ACC_BITS,  // byte p: accumulator bits of lane p
    parameter int unsigned OUT_BITS,      // bits of an output lane, at least those of every accumulator
    parameter bit          NARROW,
    parameter int unsigned DSP_PE,        // lanes in DSPs, 1 at least
    parameter int unsigned PER_DSP,       // those that share a slice
    parameter int unsigned CHAIN,         // slices in a cascade
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
  // As in mvau.sv: LUTs are "distributed" to the user, "registers" to Yosys and Vivado where nothing is written.
  localparam string RomStyle = RAM_STYLE == "distributed" ? "registers" : RAM_STYLE;

  if (MW < 1 || SIMD < 1 || MW % SIMD != 0) $fatal(1, "mvau_dsp: SIMD must divide MW");
  if (MH < 1 || PE < 1 || MH % PE != 0) $fatal(1, "mvau_dsp: PE must divide MH");
  if (WEIGHT_BITS < 1 || WEIGHT_BITS > 9) $fatal(1, "mvau_dsp: WEIGHT_BITS must be 1 ... 9 (unsigned: 8 and a sign)");
  if (INPUT_BITS < 1 || INPUT_BITS > 8) $fatal(1, "mvau_dsp: INPUT_BITS must be 1 ... 8");
  if (RomStyle != "auto" && RomStyle != "registers" && RomStyle != "block")
    $fatal(1, "mvau_dsp: RAM_STYLE must be auto, distributed or block");

  if (DSP_PE < 1 || DSP_PE > PE) $fatal(1, "mvau_dsp: DSP_PE must be 1 ... PE");
  if (PER_DSP < 1 || PER_DSP > DSP_PE || CHAIN < 1 || CHAIN > 8 || CHAIN > SIMD)
    $fatal(1, "mvau_dsp: PER_DSP must be 1 ... DSP_PE, CHAIN 1 ... 8 and at most SIMD");

  localparam int unsigned SF = MW / SIMD;
  localparam int unsigned NF = MH / PE;
  localparam int unsigned Words = SF * NF;
  localparam int unsigned AddressBits = Words > 1 ? $clog2(Words) : 1;
  localparam int unsigned PAIRS = SIMD > 1 ? SIMD / 2 : 1;

  // Packing, see mvau_dsp_chain.sv. The multiplier takes 25 bits; a row of weights that are not narrow has room for a
  // borrow from the lanes below it.
  localparam int unsigned Room = 25 - 32'(!NARROW) - WEIGHT_BITS;
  localparam int unsigned Spacing = PER_DSP > 1 ? Room / (PER_DSP - 1) : Room;
  localparam longint WLow = -(64'sd1 << (WEIGHT_BITS - 1)) + longint'(NARROW);
  localparam longint WHigh = (64'sd1 << (WEIGHT_BITS - 1)) - 1;
  localparam longint XLow = INPUT_SIGNED ? -(64'sd1 << (INPUT_BITS - 1)) : 64'sd0;
  localparam longint XHigh = (64'sd1 << (INPUT_BITS - 32'(INPUT_SIGNED))) - 1;
  localparam longint Low = WLow * XHigh < WHigh * XLow ? WLow * XHigh : WHigh * XLow;  // of a product
  localparam longint High = WHigh * XHigh > WLow * XLow ? WHigh * XHigh : WLow * XLow;
  localparam int unsigned LeafBits = leaf_bits();
  if (PER_DSP > 1 && LeafBits > Spacing + 1)
    $fatal(1, "mvau_dsp: the products of PER_DSP lanes and CHAIN inputs do not fit beside each other");

  localparam int unsigned Leaves = (SIMD + CHAIN - 1) / CHAIN;
  localparam int unsigned Groups = (DSP_PE + PER_DSP - 1) / PER_DSP;
  localparam bit Deep = CHAIN > 4;
  localparam int unsigned Dot = 4 + 32'(Deep);  // registers between the operands and the accumulator

  // Bits of the sum of CHAIN products and the carry of the lanes below.
  function automatic int unsigned leaf_bits();
    int unsigned bits;
    bits = 1;
    while (longint'(CHAIN) * Low - 1 < -(64'sd1 << (bits - 1)) || longint'(CHAIN) * High >= 64'sd1 << (bits - 1)) bits++;
    return bits;
  endfunction

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

  always_ff @(posedge clk) begin
    if (en) w_q <= weights[address];
    if (en && load) x_q <= x;
  end

  // Flags that travel with the operands (0), through the slices, and with the dot products (Dot).
  logic [Dot:0] valid_q, first_q, last_q;
  logic m_valid_q;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      valid_q <= '0;
      m_valid_q <= 1'b0;
    end else if (en) begin
      valid_q <= {valid_q[Dot-1:0], valid};
      m_valid_q <= valid_q[Dot] && last_q[Dot];
    end
    if (en) begin
      first_q <= {first_q[Dot-1:0], first};
      last_q <= {last_q[Dot-1:0], last};
    end
  end
  assign m_axis_tvalid = m_valid_q;

  logic [PE-1:0][OUT_BITS-1:0] y;
  assign m_axis_tdata = y;

  // Lanes in slices.
  logic [DSP_PE-1:0][Leaves-1:0][LeafBits-1:0] leaf;
  logic [DSP_PE-1:0][Leaves-1:0] carry;

  for (genvar g = 0; g < Groups; g++) begin : g_group
    localparam int unsigned Lanes = (g + 1) * PER_DSP < DSP_PE ? PER_DSP : DSP_PE - g * PER_DSP;
    for (genvar c = 0; c < Leaves; c++) begin : g_chain
      localparam int unsigned Inputs = (c + 1) * CHAIN < SIMD ? CHAIN : SIMD - c * CHAIN;
      logic [Lanes-1:0][Inputs-1:0][WEIGHT_BITS-1:0] w;
      logic [Lanes-1:0][LeafBits-1:0] sums;
      logic [Lanes-1:0] carries;
      for (genvar i = 0; i < Lanes; i++) begin : g_row
        assign w[i] = w_q[g*PER_DSP+i][c*CHAIN+:Inputs];
        assign leaf[g*PER_DSP+i][c] = sums[i];
        assign carry[g*PER_DSP+i][c] = carries[i];
      end
      mvau_dsp_chain #(
          .N(Inputs), .LANES(Lanes), .WEIGHT_BITS(WEIGHT_BITS), .INPUT_BITS(INPUT_BITS), .INPUT_SIGNED(INPUT_SIGNED),
          .SPACING(Spacing), .LEAF_BITS(LeafBits), .DEEP(Deep)
      ) i_chain (
          .clk, .en, .w, .x(x_q[c*CHAIN+:Inputs]), .leaf(sums), .carry(carries)
      );
    end
  end

  for (genvar p = 0; p < DSP_PE; p++) begin : g_lane
    localparam int unsigned AccBits = 32'(ACC_BITS[8*p+:8]);
    if (AccBits < 1 || AccBits > OUT_BITS) $fatal(1, "mvau_dsp: ACC_BITS must be 1 ... OUT_BITS in every lane");
    logic [AccBits-1:0] acc;

    mvau_dsp_sum #(
        .LEAVES(Leaves), .LEAF_BITS(LeafBits), .CHAIN(CHAIN), .LOW(Low), .HIGH(High), .CARRIES(p % PER_DSP > 0),
        .ACC_BITS(AccBits)
    ) i_sum (
        .clk, .en, .leaf(leaf[p]), .carry(carry[p]), .valid(valid_q[Dot]), .first(first_q[Dot]), .acc
    );
    assign y[p] = OUT_BITS'($signed(acc));
  end

  // Lanes of LUTs, whose accumulators are ahead of the others.
  if (DSP_PE < PE) begin : g_lut_lanes
    localparam int unsigned Ahead = Dot - 2;
    logic [PAIRS-1:0][INPUT_BITS:0] pair_q;

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

    for (genvar p = DSP_PE; p < PE; p++) begin : g_lut_lane
      localparam int unsigned AccBits = 32'(ACC_BITS[8*p+:8]);
      if (AccBits < 1 || AccBits > OUT_BITS) $fatal(1, "mvau_dsp: ACC_BITS must be 1 ... OUT_BITS in every lane");
      logic [AccBits-1:0] acc;
      logic [Ahead-1:0][AccBits-1:0] waiting_q;

      mvau_lane #(
          .SIMD(SIMD), .WEIGHT_BITS(WEIGHT_BITS), .INPUT_BITS(INPUT_BITS), .INPUT_SIGNED(INPUT_SIGNED),
          .ACC_BITS(AccBits), .ACCUMULATE(1'b1)
      ) i_lane (
          .clk, .en, .w(w_q[p]), .x(x_q), .pair(pair_q), .valid(valid_q[2]), .first(first_q[2]), .acc
      );
      // Reset, because that keeps them registers: as shift registers they would take LUTs.
      always_ff @(posedge clk) begin
        if (!rst_n) waiting_q <= '0;
        else if (en) waiting_q <= (Ahead*AccBits)'({waiting_q, acc});
      end
      assign y[p] = OUT_BITS'($signed(waiting_q[Ahead-1]));
    end
  end
endmodule

`default_nettype wire
