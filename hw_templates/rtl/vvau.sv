// vvau: depthwise matrix-vector unit; every channel has its own weights over the pixels of a window; no activation.
//
// Function  y[c] = sum_k x[k][c] * W[k][c] for the K pixels of a window and CHANNELS channels, window after window.
//           x: INPUT_BITS, signed or unsigned; W: WEIGHT_BITS, signed two's complement; y: two's complement, summed
//           modulo 2**ACC_BITS[c % PE], exact where that holds the final sum; sign-extended to OUT_BITS.
// Folding   The stream of a depthwise sliding window, SF = K/SIMD beats of the channels 0 ... PE-1, SF of the next PE,
//           and so on: pixel k = sf*SIMD + s of channel c = f*PE + p is lane s*PE + p of beat f*SF + sf, the channel's
//           sum lane p of output beat f.
// Memory    WEIGHT_FILE, one word a line in hex: word f*SF + sf holds W[sf*SIMD + s][f*PE + p] in the WEIGHT_BITS bits
//           from (p*SIMD + s)*WEIGHT_BITS on: the layout of an MVAU with MW = K.
// Timing    SF*CHANNELS/PE cycles a window, none between windows. From the last of SF beats to its output 4 cycles
//           (SF = 1: 3). Everything stands still while a valid output beat is not taken.
`default_nettype none

module vvau #(
    parameter int unsigned K,
    parameter int unsigned CHANNELS,
    parameter int unsigned PE,
    parameter int unsigned SIMD,          // pixels of a beat
    parameter int unsigned WEIGHT_BITS,
    parameter int unsigned INPUT_BITS,
    parameter bit          INPUT_SIGNED,
    parameter logic [8*PE-1:0] ACC_BITS,  // byte p: accumulator bits of lane p
    parameter int unsigned OUT_BITS,      // bits of an output lane, at least those of every accumulator
    parameter string       WEIGHT_FILE,
    parameter string       RAM_STYLE      // of the weights: "auto", "distributed", "block"
) (
    input  wire logic                          clk,
    input  wire logic                          rst_n,
    input  wire logic [SIMD*PE*INPUT_BITS-1:0] s_axis_tdata,
    input  wire logic                          s_axis_tvalid,
    output      logic                          s_axis_tready,
    output      logic [       PE*OUT_BITS-1:0] m_axis_tdata,
    output      logic                          m_axis_tvalid,
    input  wire logic                          m_axis_tready
);
  // As in mvau.sv: a ROM in LUTs is "registers" to Yosys, because constant registers become logic.
  localparam string RomStyle = RAM_STYLE == "distributed" ? "registers" : RAM_STYLE;

  if (K < 1) $fatal(1, "vvau: K must be at least 1");
  if (SIMD < 1 || K % SIMD != 0) $fatal(1, "vvau: SIMD must divide K");
  if (CHANNELS < 1 || PE < 1 || CHANNELS % PE != 0) $fatal(1, "vvau: PE must divide CHANNELS");
  if (WEIGHT_BITS < 1 || WEIGHT_BITS > 9) $fatal(1, "vvau: WEIGHT_BITS must be 1 ... 9 (unsigned: 8 and a sign)");
  if (INPUT_BITS < 1 || INPUT_BITS > 8) $fatal(1, "vvau: INPUT_BITS must be 1 ... 8");
  if (RomStyle != "auto" && RomStyle != "registers" && RomStyle != "block")
    $fatal(1, "vvau: RAM_STYLE must be auto, distributed or block");

  localparam int unsigned SF = K / SIMD;
  localparam int unsigned Words = SF * CHANNELS / PE;
  localparam int unsigned AddressBits = Words > 1 ? $clog2(Words) : 1;
  localparam int unsigned TapBits = SF > 1 ? $clog2(SF) : 1;
  localparam int unsigned PAIRS = SIMD > 1 ? SIMD / 2 : 1;

  (* ram_style = RomStyle *) logic [PE*SIMD*WEIGHT_BITS-1:0] weights[Words];
  initial $readmemh(WEIGHT_FILE, weights);

  // Everything moves while the output beat is free or taken.
  logic en;
  assign en = !m_axis_tvalid || m_axis_tready;
  assign s_axis_tready = en;

  logic [AddressBits-1:0] address_q;
  logic [TapBits-1:0] tap_q;
  logic first, last;
  assign first = tap_q == '0;
  assign last = tap_q == TapBits'(SF - 1);

  // Operands, and the flags that travel with them (0), the sums of the planes (1) and the products (2).
  logic [PE-1:0][SIMD-1:0][WEIGHT_BITS-1:0] w_q;
  logic [SIMD-1:0][PE-1:0][INPUT_BITS-1:0] x_q;
  logic [2:0] valid_q, first_q, last_q;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      address_q <= '0;
      tap_q <= '0;
      valid_q <= '0;
    end else if (en) begin
      valid_q <= {valid_q[1:0], s_axis_tvalid};
      if (s_axis_tvalid) begin
        address_q <= address_q == AddressBits'(Words - 1) ? '0 : address_q + 1'b1;
        tap_q <= last ? '0 : tap_q + 1'b1;
      end
    end
  end
  always_ff @(posedge clk) begin
    if (en) begin
      w_q <= weights[address_q];
      x_q <= s_axis_tdata;
      first_q <= {first_q[1:0], first};
      last_q <= {last_q[1:0], last};
    end
  end

  if (SF > 1) begin : g_accumulate
    logic m_valid_q;
    always_ff @(posedge clk) begin
      if (!rst_n) m_valid_q <= 1'b0;
      else if (en) m_valid_q <= valid_q[2] && last_q[2];
    end
    assign m_axis_tvalid = m_valid_q;
  end else begin : g_single
    logic unused;
    assign unused = &{1'b0, last_q[2]};
    assign m_axis_tvalid = valid_q[2];
  end

  for (genvar p = 0; p < PE; p++) begin : g_lane
    localparam int unsigned AccBits = 32'(ACC_BITS[8*p+:8]);
    if (AccBits < 1 || AccBits > OUT_BITS) $fatal(1, "vvau: ACC_BITS must be 1 ... OUT_BITS in every lane");
    logic [AccBits-1:0] acc;
    logic [SIMD-1:0][INPUT_BITS-1:0] x;
    logic [PAIRS-1:0][INPUT_BITS:0] pair_q;

    for (genvar s = 0; s < SIMD; s++) begin : g_pixel
      assign x[s] = x_q[s][p];
    end
    if (SIMD > 1) begin : g_pairs
      for (genvar i = 0; i < PAIRS; i++) begin : g_pair
        logic [INPUT_BITS-1:0] even, odd;
        assign even = s_axis_tdata[(2*i*PE+p)*INPUT_BITS+:INPUT_BITS];
        assign odd = s_axis_tdata[((2*i+1)*PE+p)*INPUT_BITS+:INPUT_BITS];
        always_ff @(posedge clk) begin
          if (en) pair_q[i] <= {INPUT_SIGNED & even[INPUT_BITS-1], even} + {INPUT_SIGNED & odd[INPUT_BITS-1], odd};
        end
      end
    end else begin : g_no_pairs
      assign pair_q = '0;
    end

    mvau_lane #(
        .SIMD(SIMD), .WEIGHT_BITS(WEIGHT_BITS), .INPUT_BITS(INPUT_BITS), .INPUT_SIGNED(INPUT_SIGNED),
        .ACC_BITS(AccBits), .DEEP(1'b0), .ACCUMULATE(SF > 1)
    ) i_lane (
        .clk, .en, .w(w_q[p]), .x, .pair(pair_q), .valid(valid_q[2]), .first(first_q[2]), .acc
    );
    assign m_axis_tdata[p*OUT_BITS+:OUT_BITS] = OUT_BITS'($signed(acc));
  end
endmodule

`default_nettype wire
