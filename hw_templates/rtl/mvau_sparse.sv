// mvau_sparse: matrix-vector product of a stream of vectors and a matrix in a ROM, which skips tiles that are all zero.
//
// Function  y[c] = sum_r x[r] * W[r][c] for MW inputs r and MH outputs c, as mvau.sv: x: INPUT_BITS, signed or unsigned;
//           W: WEIGHT_BITS, signed two's complement; y: two's complement, summed modulo 2**ACC_BITS[c % PE],
//           sign-extended to OUT_BITS.
// Folding   SF = MW/SIMD input beats a vector, NF = MH/PE output beats: input r = sf*SIMD + s is lane s of beat sf,
//           output c = nf*PE + p is lane p of beat nf. A tile is the block of weights of one sf and one nf.
// Memory    WEIGHT_FILE, one tile a line in hex, in the order in which they are worked on: all of nf = 0, of nf = 1, ...
//           From bit 0 on the weights W[sf*SIMD + s][nf*PE + p], at (p*SIMD + s)*WEIGHT_BITS; then sf; then one bit: the
//           last tile of its nf. Every nf has at least one tile.
//           The input is held twice: one vector comes in while the other is worked on.
// Timing    max(TILES, SF) cycles a vector where TILES is not SF - 1, SF or SF + 1; the first output beat of a vector
//           6 cycles and its tiles after the last input beat. What follows the vectors stands still while a valid output
//           beat is not taken.
`default_nettype none

module mvau_sparse #(
    parameter int unsigned MW,
    parameter int unsigned MH,
    parameter int unsigned PE,
    parameter int unsigned SIMD,
    parameter int unsigned WEIGHT_BITS,
    parameter int unsigned INPUT_BITS,
    parameter bit          INPUT_SIGNED,
    parameter logic [8*PE-1:0] ACC_BITS,  // byte p: accumulator bits of lane p
    parameter int unsigned OUT_BITS,      // bits of an output lane, at least those of every accumulator
    parameter int unsigned TILES,         // lines of WEIGHT_FILE
    parameter string       WEIGHT_FILE,
    parameter string       RAM_STYLE      // of the tiles: "auto", "distributed", "block"
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

  if (MW < 1 || SIMD < 1 || MW % SIMD != 0) $fatal(1, "mvau_sparse: SIMD must divide MW");
  if (MH < 1 || PE < 1 || MH % PE != 0) $fatal(1, "mvau_sparse: PE must divide MH");
  if (WEIGHT_BITS < 1 || WEIGHT_BITS > 9) $fatal(1, "mvau_sparse: WEIGHT_BITS must be 1 ... 9");
  if (INPUT_BITS < 1 || INPUT_BITS > 8) $fatal(1, "mvau_sparse: INPUT_BITS must be 1 ... 8");
  if (TILES < MH / PE) $fatal(1, "mvau_sparse: every output needs a tile");
  if (RomStyle != "auto" && RomStyle != "registers" && RomStyle != "block")
    $fatal(1, "mvau_sparse: RAM_STYLE must be auto, distributed or block");

  localparam int unsigned SF = MW / SIMD;
  localparam int unsigned BeatBits = SF > 1 ? $clog2(SF) : 1;
  localparam int unsigned AddressBits = TILES > 1 ? $clog2(TILES) : 1;
  localparam int unsigned PAIRS = SIMD > 1 ? SIMD / 2 : 1;
  localparam int unsigned TileBits = PE * SIMD * WEIGHT_BITS;
  localparam int unsigned IndexBits = SF > 1 ? $clog2(SF) : 0;  // of the memory

  (* ram_style = RomStyle *) logic [TileBits+IndexBits:0] tiles[TILES];
  initial $readmemh(WEIGHT_FILE, tiles);

  logic en;
  assign en = !m_axis_tvalid || m_axis_tready;

  // Two vectors. full_q: which of them is there; a reader frees its vector when it has read the last tile's inputs.
  logic [SIMD*INPUT_BITS-1:0] vectors[2*SF];
  logic [1:0] full_q;
  logic in_bank_q, in_last, free, free_bank;
  logic [BeatBits-1:0] in_beat_q;
  assign s_axis_tready = !full_q[in_bank_q];
  assign in_last = in_beat_q == BeatBits'(SF - 1);

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      full_q <= '0;
      in_bank_q <= 1'b0;
      in_beat_q <= '0;
    end else begin
      if (s_axis_tvalid && s_axis_tready) begin
        in_beat_q <= in_last ? '0 : in_beat_q + 1'b1;
        if (in_last) begin
          full_q[in_bank_q] <= 1'b1;
          in_bank_q <= !in_bank_q;
        end
      end
      if (free) full_q[free_bank] <= 1'b0;
    end
  end

  function automatic logic [$clog2(2*SF)-1:0] place(input logic bank, input logic [BeatBits-1:0] beat);
    return $clog2(2 * SF)'(beat) + (bank ? $clog2(2 * SF)'(SF) : '0);
  endfunction

  always_ff @(posedge clk) if (s_axis_tvalid && s_axis_tready) vectors[place(in_bank_q, in_beat_q)] <= s_axis_tdata;

  // Tiles, one after the other while their vector is there.
  logic [AddressBits-1:0] address_q;
  logic [TileBits+IndexBits:0] tile_q;
  logic bank_q, tile_bank_q, tile_valid_q, tile_end_q, go, at_end;
  assign go = full_q[bank_q];
  assign at_end = address_q == AddressBits'(TILES - 1);

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      address_q <= '0;
      bank_q <= 1'b0;
      tile_valid_q <= 1'b0;
    end else if (en) begin
      tile_valid_q <= go;
      if (go) address_q <= at_end ? '0 : address_q + 1'b1;
      if (go && at_end) bank_q <= !bank_q;
    end
    if (en) begin
      tile_q <= tiles[address_q];
      tile_bank_q <= bank_q;
      tile_end_q <= at_end;
    end
  end

  // Its inputs; whether it is the first or the last of its outputs.
  logic [BeatBits-1:0] beat;
  logic [SIMD-1:0][INPUT_BITS-1:0] x;
  logic last, first_q;
  if (SF > 1) begin : g_index
    assign beat = tile_q[TileBits+:IndexBits];
  end else begin : g_one
    assign beat = '0;
  end
  assign last = tile_q[TileBits+IndexBits];
  assign x = vectors[place(tile_bank_q, beat)];
  assign free = en && tile_valid_q && tile_end_q;
  assign free_bank = tile_bank_q;

  always_ff @(posedge clk) begin
    if (!rst_n) first_q <= 1'b1;
    else if (en && tile_valid_q) first_q <= last;
  end

  // Operands.
  logic [PE-1:0][SIMD-1:0][WEIGHT_BITS-1:0] w_q;
  logic [SIMD-1:0][INPUT_BITS-1:0] x_q;
  logic [PAIRS-1:0][INPUT_BITS:0] pair_q;

  always_ff @(posedge clk) begin
    if (en) begin
      w_q <= tile_q[TileBits-1:0];
      x_q <= x;
    end
  end

  if (SIMD > 1) begin : g_pairs
    for (genvar i = 0; i < PAIRS; i++) begin : g_pair
      logic [INPUT_BITS:0] even, odd;
      assign even = {INPUT_SIGNED & x[2*i][INPUT_BITS-1], x[2*i]};
      assign odd = {INPUT_SIGNED & x[2*i+1][INPUT_BITS-1], x[2*i+1]};
      always_ff @(posedge clk) if (en) pair_q[i] <= even + odd;
    end
  end else begin : g_no_pairs
    assign pair_q = '0;
  end

  // Flags that travel with the operands (0), the sums of the planes (1) and the dot products (2).
  logic [2:0] valid_q, last_q, first_of_q;
  logic m_valid_q;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      valid_q <= '0;
      m_valid_q <= 1'b0;
    end else if (en) begin
      valid_q <= {valid_q[1:0], tile_valid_q};
      m_valid_q <= valid_q[2] && last_q[2];
    end
    if (en) begin
      last_q <= {last_q[1:0], last};
      first_of_q <= {first_of_q[1:0], first_q};
    end
  end
  assign m_axis_tvalid = m_valid_q;

  for (genvar p = 0; p < PE; p++) begin : g_lane
    localparam int unsigned AccBits = 32'(ACC_BITS[8*p+:8]);
    if (AccBits < 1 || AccBits > OUT_BITS) $fatal(1, "mvau_sparse: ACC_BITS must be 1 ... OUT_BITS in every lane");
    logic [AccBits-1:0] acc;

    mvau_lane #(
        .SIMD(SIMD), .WEIGHT_BITS(WEIGHT_BITS), .INPUT_BITS(INPUT_BITS), .INPUT_SIGNED(INPUT_SIGNED),
        .ACC_BITS(AccBits), .DEEP(1'b0), .ACCUMULATE(1'b1)
    ) i_lane (
        .clk, .en, .w(w_q[p]), .x(x_q), .pair(pair_q), .valid(valid_q[2]), .first(first_of_q[2]), .acc
    );
    assign m_axis_tdata[p*OUT_BITS+:OUT_BITS] = OUT_BITS'($signed(acc));
  end
endmodule

`default_nettype wire
