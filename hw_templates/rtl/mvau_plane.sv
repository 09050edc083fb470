// mvau_plane: sum of the inputs that one bit plane of a row of weights selects.
//
// Function  sum = sum_s (w[s] ? x[s] : 0), modulo 2**SUM_BITS.
// Method    Two neighbours s, s+1 make a row: of 0, x[s], x[s+1] and pair[s/2] = x[s] + x[s+1] two weight bits select
//           one. A row is a function of 5 bits, so it fits into the LUT in front of the carry chain that adds it to
//           the rows before it, and costs no logic of its own. Chains of CHAIN rows are joined by a balanced tree.
// Latency   none (combinational); DEEP: a register after the chains, which stands still while en is low.
`default_nettype none

module mvau_plane #(
    parameter int unsigned SIMD,
    parameter int unsigned INPUT_BITS,
    parameter bit          INPUT_SIGNED,
    parameter int unsigned SUM_BITS,  // at most the bits that the exact sum needs
    parameter bit          DEEP,
    localparam int unsigned PAIRS = SIMD > 1 ? SIMD / 2 : 1
) (
    input  wire logic                                clk,
    input  wire logic                                en,
    input  wire logic [    SIMD-1:0]                 w,
    input  wire logic [    SIMD-1:0][INPUT_BITS-1:0] x,
    input  wire logic [   PAIRS-1:0][  INPUT_BITS:0] pair,
    output      logic [SUM_BITS-1:0]                 sum
);
  localparam int unsigned CHAIN = 4;
  localparam int unsigned Rows = (SIMD + 1) / 2;
  localparam int unsigned Chains = (Rows + CHAIN - 1) / CHAIN;
  localparam int unsigned Levels = $clog2(Chains);

  // Bits of the sum of those of the inputs from ... from + count - 1 that exist.
  function automatic int unsigned bits_of(input int unsigned from, input int unsigned count);
    int unsigned inputs, bits;
    inputs = from + count < SIMD ? count : SIMD - from;
    bits = INPUT_SIGNED ? INPUT_BITS + $clog2(inputs) : $clog2(inputs * ((1 << INPUT_BITS) - 1) + 1);
    return bits < SUM_BITS ? bits : SUM_BITS;
  endfunction

  // row_sum[i]: the rows of a chain up to row i. node[l][k]: the chains k * 2**l ... (k + 1) * 2**l - 1. All are
  // extended from their own bits to SUM_BITS.
  logic [SUM_BITS-1:0] row_sum[Rows]  /* verilator split_var */;
  logic [SUM_BITS-1:0] node[Levels+1][Chains]  /* verilator split_var */;

  for (genvar i = 0; i < Rows; i++) begin : g_row
    localparam int unsigned S = 2 * i;
    localparam int unsigned First = i / CHAIN * 2 * CHAIN;
    localparam int unsigned Bits = bits_of(First, S + 2 - First);
    localparam int unsigned RowBits = INPUT_BITS + 1 < Bits ? INPUT_BITS + 1 : Bits;
    logic [INPUT_BITS:0] row;
    logic [Bits-1:0] partial;

    if (S + 1 < SIMD) begin : g_pair
      always_comb begin
        case (w[S+:2])
          2'b01:   row = {INPUT_SIGNED & x[S][INPUT_BITS-1], x[S]};
          2'b10:   row = {INPUT_SIGNED & x[S+1][INPUT_BITS-1], x[S+1]};
          2'b11:   row = pair[S/2];
          default: row = '0;
        endcase
      end
    end else begin : g_single
      assign row = w[S] ? {INPUT_SIGNED & x[S][INPUT_BITS-1], x[S]} : '0;
    end

    if (S == First) begin : g_first
      assign partial = Bits'(row);
    end else begin : g_next
      // Added in two parts, because Yosys makes the narrower one of two summands the carry chain's direct input, which
      // has to be the sum before. keep: stops it from merging the chain into a carry-save tree of twice the LUTs.
      (* keep *) logic [RowBits:0] low;
      assign low = {1'b0, row_sum[i-1][RowBits-1:0]} + {1'b0, row[RowBits-1:0]};
      if (Bits > RowBits) begin : g_high
        localparam int unsigned HighBits = Bits - RowBits;
        logic [HighBits-1:0] sign;
        (* keep *) logic [HighBits-1:0] high;
        assign sign = {HighBits{INPUT_SIGNED & row[INPUT_BITS]}};
        assign high = row_sum[i-1][Bits-1:RowBits] + sign + HighBits'(low[RowBits]);
        assign partial = {high, low[RowBits-1:0]};
      end else begin : g_fit
        logic unused_carry;
        assign unused_carry = low[RowBits];
        assign partial = low[RowBits-1:0];
      end
    end
    assign row_sum[i] = SUM_BITS'($signed({INPUT_SIGNED & partial[Bits-1], partial}));

    logic unused_sign;
    assign unused_sign = row[INPUT_BITS];
  end

  for (genvar l = 0; l <= Levels; l++) begin : g_level
    for (genvar k = 0; k << l < Chains; k++) begin : g_node
      if (l == 0) begin : g_chain
        localparam int unsigned Last = (k + 1) * CHAIN < Rows ? (k + 1) * CHAIN - 1 : Rows - 1;
        if (DEEP) begin : g_register
          logic [SUM_BITS-1:0] sum_q;
          always_ff @(posedge clk) if (en) sum_q <= row_sum[Last];
          assign node[0][k] = sum_q;
        end else begin : g_wire
          assign node[0][k] = row_sum[Last];
        end
      end else if (((2 * k + 1) << l) / 2 < Chains) begin : g_join
        localparam int unsigned Bits = bits_of(k * 2 * CHAIN << l, 2 * CHAIN << l);
        (* keep *) logic [Bits-1:0] joined;
        assign joined = node[l-1][2*k][Bits-1:0] + node[l-1][2*k+1][Bits-1:0];
        assign node[l][k] = SUM_BITS'($signed({INPUT_SIGNED & joined[Bits-1], joined}));
      end else begin : g_pass
        assign node[l][k] = node[l-1][2*k];
      end
    end
  end

  assign sum = node[Levels][0];

  // A lone input has no pair; of a narrow sum some bits of the inputs are not needed.
  logic unused;
  assign unused = &{1'b0, x, pair, clk, en};
endmodule

`default_nettype wire
