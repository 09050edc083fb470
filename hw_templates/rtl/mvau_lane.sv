// mvau_lane: one output channel at a time of an MVAU: dot product of SIMD weights and inputs, accumulated.
//
// Function  acc = sum of dot over the beats from `first` on, modulo 2**ACC_BITS; dot = sum_s x[s] * w[s]
//           w[s] is signed two's complement: -2**(W-1) w[s][W-1] + sum_{b<W-1} 2**b w[s][b], W = WEIGHT_BITS
// Method    One mvau_plane per weight bit gives P_b = sum_s (w[s][b] ? x[s] : 0); a balanced tree makes of them
//           dot = -2**(W-1) P_{W-1} + sum_{b<W-1} 2**b P_b.
//           No node has more bits than the types of w and x, and the accumulator, need.
// Latency   a register after the planes, after the dot product, and the accumulator; DEEP: one within the planes, whose
//           sum of many inputs takes two cycles. All stand still while en is low.
`default_nettype none

(* use_dsp = "no" *)
module mvau_lane #(
    parameter int unsigned SIMD,
    parameter int unsigned WEIGHT_BITS,
    parameter int unsigned INPUT_BITS,
    parameter bit          INPUT_SIGNED,
    parameter int unsigned ACC_BITS,
    parameter bit          DEEP,
    parameter bit          ACCUMULATE,  // 0: every beat is a `first` one, the dot product itself is the result
    localparam int unsigned PAIRS = SIMD > 1 ? SIMD / 2 : 1
) (
    input  wire logic                              clk,
    input  wire logic                              en,
    input  wire logic [ SIMD-1:0][WEIGHT_BITS-1:0] w,
    input  wire logic [ SIMD-1:0][ INPUT_BITS-1:0] x,
    input  wire logic [PAIRS-1:0][   INPUT_BITS:0] pair,   // x[2i] + x[2i+1]
    input  wire logic                              valid,  // the dot product's register holds a beat,
    input  wire logic                              first,  // the first one of a vector
    output      logic [ACC_BITS-1:0]               acc
);
  localparam int unsigned Levels = $clog2(WEIGHT_BITS);
  // Range of P_b.
  localparam longint PLow = INPUT_SIGNED ? -longint'(SIMD) * (64'sd1 << (INPUT_BITS - 1)) : 64'sd0;
  localparam longint PHigh = longint'(SIMD) * ((64'sd1 << (INPUT_BITS - 32'(INPUT_SIGNED))) - 1);
  localparam int unsigned DotBits = node_bits(0, WEIGHT_BITS, 1'b1);
  // -P alone is never negative where no input is positive; DotBits then has no sign.
  localparam bit DotSigned = WEIGHT_BITS > 1 || PHigh > 0;
  localparam int unsigned NodeBits = DotBits + 1;  // with one plane, P may need a bit more than dot = -P

  // Bits of the sum of 2**(b-low) P_b over low <= b < upto that reach the accumulator. With `negative` the highest
  // plane counts negatively; sums that are never negative carry no sign.
  function automatic int unsigned node_bits(input int unsigned low, input int unsigned upto, input bit negative);
    longint top, smallest, largest;
    int unsigned bits;
    top = 64'sd1 << (upto - low - 1);
    smallest = (top - 1) * PLow + (negative ? -top * PHigh : top * PLow);
    largest = (top - 1) * PHigh + (negative ? -top * PLow : top * PHigh);
    bits = 1;
    if (smallest < 0) while (smallest < -(64'sd1 << (bits - 1)) || largest >= 64'sd1 << (bits - 1)) bits++;
    else while (largest >= 64'sd1 << bits) bits++;
    if (ACC_BITS <= low) return 1;
    return bits + low < ACC_BITS ? bits : ACC_BITS - low;
  endfunction

  // node[l][k]: the planes k * 2**l ... (k + 1) * 2**l - 1, extended from its own bits to NodeBits.
  logic [NodeBits-1:0] node[Levels+1][WEIGHT_BITS]  /* verilator split_var */;

  for (genvar l = 0; l <= Levels; l++) begin : g_level
    for (genvar k = 0; k << l < WEIGHT_BITS; k++) begin : g_node
      localparam int unsigned Low = k << l;
      localparam int unsigned End = (k + 1) << l < WEIGHT_BITS ? (k + 1) << l : WEIGHT_BITS;
      localparam bit Top = End == WEIGHT_BITS && End - Low > 1;  // the highest plane alone stays positive
      localparam bit Signed = INPUT_SIGNED || Top;
      localparam int unsigned Bits = node_bits(Low, End, Top);

      if (l == 0) begin : g_plane
        logic [SIMD-1:0] bit_plane;
        logic [Bits-1:0] sum, sum_q;
        for (genvar s = 0; s < SIMD; s++) begin : g_bit
          assign bit_plane[s] = w[s][k];
        end
        mvau_plane #(
            .SIMD(SIMD), .INPUT_BITS(INPUT_BITS), .INPUT_SIGNED(INPUT_SIGNED), .SUM_BITS(Bits), .DEEP(DEEP)
        ) i_plane (
            .clk, .en, .w(bit_plane), .x, .pair, .sum
        );
        always_ff @(posedge clk) if (en) sum_q <= sum;
        assign node[0][k] = NodeBits'($signed({Signed & sum_q[Bits-1], sum_q}));

      end else if (((2 * k + 1) << l) / 2 < WEIGHT_BITS) begin : g_join
        localparam int unsigned Shift = (1 << l) / 2;
        (* keep *) logic [Bits-1:0] joined;
        if (Bits <= Shift) begin : g_low_only
          assign joined = node[l-1][2*k][Bits-1:0];
        end else begin : g_add
          logic [Bits-Shift-1:0] even, odd;
          assign even = node[l-1][2*k][Bits-1:Shift];
          assign odd = node[l-1][2*k+1][Bits-Shift-1:0];
          assign joined[Shift-1:0] = node[l-1][2*k][Shift-1:0];
          if (Low + Shift == WEIGHT_BITS - 1) begin : g_highest
            assign joined[Bits-1:Shift] = even - odd;
          end else begin : g_other
            assign joined[Bits-1:Shift] = even + odd;
          end
        end
        assign node[l][k] = NodeBits'($signed({Signed & joined[Bits-1], joined}));

      end else begin : g_pass
        assign node[l][k] = node[l-1][2*k];
      end
    end
  end

  logic [DotBits-1:0] dot, dot_q;
  assign dot = WEIGHT_BITS > 1 ? node[Levels][0][DotBits-1:0] : -node[Levels][0][DotBits-1:0];
  always_ff @(posedge clk) if (en) dot_q <= dot;

  if (ACCUMULATE) begin : g_accumulate
    logic [ACC_BITS-1:0] acc_q;
    always_ff @(posedge clk) begin
      if (en && valid) acc_q <= ACC_BITS'($signed({DotSigned & dot_q[DotBits-1], dot_q})) + (first ? '0 : acc_q);
    end
    assign acc = acc_q;
  end else begin : g_single
    logic unused;
    assign unused = &{1'b0, valid, first};
    assign acc = ACC_BITS'($signed({DotSigned & dot_q[DotBits-1], dot_q}));
  end
endmodule

`default_nettype wire
