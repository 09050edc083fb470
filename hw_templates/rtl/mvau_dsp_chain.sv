// mvau_dsp_chain: the dot products of N inputs with each of LANES rows of weights, all in the same N DSP slices.
//
// Function  leaf[i] + carry[i] = q_i = sum_s x[s] * w[i][s], i.e. LANES dot products; x and w as in mvau_lane.sv.
// Method    Packing: slice s multiplies A_s = sum_i w[i][s] 2**(SPACING i) by x[s], the cascade adds up, and
//           P = sum_i q_i 2**(SPACING i). P >> SPACING i ends in leaf[i] = q_i + c_i with c_i = -1 where the lanes below
//           i add up to a negative number, else 0: c_i is minus the sign of leaf[i-1], and so is carry[i] = -c_i = that
//           sign. This is exact where leaf[i] fits into SPACING bits, and into SPACING + 1: of lane i + 1 the lowest bit
//           of P is that of q_(i+1) + c_(i+1), the parity of q_(i+1) is known from the lowest bits of w and x alone, so
//           that c_(i+1), the sign of leaf[i], is their difference.
//           A_s is no sum but a difference of two concatenations, bits below the signs less signs, which is what the
//           slice takes in front of its multiplier.
// Latency   3 registers; DEEP: 4. The slices of a cascade that no register cuts are 4 at most: of a longer one all but
//           the last 4 are a cycle ahead. All stand still while en is low.
`default_nettype none

module mvau_dsp_chain #(
    parameter int unsigned N,
    parameter int unsigned LANES,
    parameter int unsigned WEIGHT_BITS,
    parameter int unsigned INPUT_BITS,
    parameter bit          INPUT_SIGNED,
    parameter int unsigned SPACING,
    parameter int unsigned LEAF_BITS,   // SPACING + 1 at most
    parameter bit          DEEP
) (
    input  wire logic                                         clk,
    input  wire logic                                         en,
    input  wire logic [LANES-1:0][      N-1:0][WEIGHT_BITS-1:0] w,
    input  wire logic [    N-1:0][INPUT_BITS-1:0]             x,
    output      logic [LANES-1:0][LEAF_BITS-1:0]              leaf,
    output      logic [LANES-1:0]                             carry
);
  localparam int unsigned SEGMENT = 4;
  localparam int unsigned Ahead = !DEEP ? N : N > SEGMENT ? N - SEGMENT : 0;  // slices without the register in front
  localparam bit Parity = LANES > 1 && LEAF_BITS > SPACING;

  logic [47:0] pc[N+1]  /* verilator split_var */;
  logic [47:0] sum;
  assign pc[0] = '0;

  for (genvar s = 0; s < N; s++) begin : g_slice
    logic [24:0] a, d;
    logic [47:0] p;
    always_comb begin
      a = '0;
      d = '0;
      for (int unsigned i = 0; i < LANES; i++) begin
        a[SPACING*i+WEIGHT_BITS-1] = w[i][s][WEIGHT_BITS-1];
        for (int unsigned k = 1; k < WEIGHT_BITS; k++) d[SPACING*i+k-1] = w[i][s][k-1];
      end
    end
    dsp48 #(
        .CASCADE(s > 0), .LATE(s >= Ahead), .LAST(s + 1 == Ahead || s + 1 == N)
    ) i_dsp (
        .clk, .en, .a, .d, .b(18'($signed({INPUT_SIGNED & x[s][INPUT_BITS-1], x[s]}))), .pcin(pc[s]), .pcout(pc[s+1]),
        .p
    );
    if (s + 1 == N) begin : g_end
      assign sum = p;
    end else begin : g_within
      logic unused;
      assign unused = &{1'b0, p};
    end
  end

  for (genvar i = 0; i < LANES; i++) begin : g_leaf
    if (Parity && i + 1 < LANES) begin : g_parity
      // Of the lane above: three products' lowest bits a LUT, then the sum of those, in step with the slices.
      localparam int unsigned Groups = (N + 2) / 3;
      logic [Groups-1:0] part, part_q, waiting;
      logic parity_q, odd;
      for (genvar g = 0; g < Groups; g++) begin : g_part
        always_comb begin
          part[g] = 1'b0;
          for (int unsigned s = 3 * g; s < N && s < 3 * g + 3; s++) part[g] = part[g] ^ (w[i+1][s][0] & x[s][0]);
        end
      end
      if (DEEP) begin : g_deep
        always_ff @(posedge clk) if (en) waiting <= part_q;
      end else begin : g_short
        assign waiting = part_q;
      end
      always_ff @(posedge clk) begin
        if (en) begin
          part_q <= part;
          parity_q <= ^waiting;
          odd <= parity_q;
        end
      end
      assign leaf[i] = {sum[SPACING*(i+1)] ^ odd, sum[SPACING*i+:SPACING]};
    end else begin : g_bits
      assign leaf[i] = sum[SPACING*i+:LEAF_BITS];
    end
    if (i == 0) begin : g_lowest
      assign carry[i] = 1'b0;
    end else begin : g_carry
      assign carry[i] = leaf[i-1][LEAF_BITS-1];
    end
  end

  logic unused;
  assign unused = &{1'b0, sum, pc[N]};
endmodule

`default_nettype wire
