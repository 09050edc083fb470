// mvau_dsp_sum: the sums that the cascades of a lane give, added up and accumulated.
//
// Function  acc = sum of (leaf + carry) over all LEAVES and over the beats from `first` on, modulo 2**ACC_BITS; leaf: two's
//           complement, carry: 0 or 1.
// Method    A balanced tree, in which every adder takes a carry, and the accumulator the last one: none costs an adder.
//           No node has more bits than the sum of its products, of LOW to HIGH each, and the accumulator need.
// Latency   a register after the tree, and the accumulator; both stand still while en is low.
`default_nettype none

(* use_dsp = "no" *)
module mvau_dsp_sum #(
    parameter int unsigned LEAVES,
    parameter int unsigned LEAF_BITS,
    parameter int unsigned CHAIN,      // products in a leaf; the last one may have fewer
    parameter longint      LOW,
    parameter longint      HIGH,
    parameter bit          CARRIES,    // 0: every carry is 0
    parameter int unsigned ACC_BITS
) (
    input  wire logic                             clk,
    input  wire logic                             en,
    input  wire logic [LEAVES-1:0][LEAF_BITS-1:0] leaf,
    input  wire logic [LEAVES-1:0]                carry,
    input  wire logic                             valid,  // the tree's register holds a beat,
    input  wire logic                             first,  // the first one of a vector
    output      logic [ACC_BITS-1:0]              acc
);
  localparam int unsigned Levels = $clog2(LEAVES);
  localparam int unsigned RootBits = node_bits(LEAVES);

  // Bits of the sum of `leaves` leaves and all their carries but one that reach the accumulator.
  function automatic int unsigned node_bits(input int unsigned leaves);
    longint smallest, largest;
    int unsigned bits;
    smallest = longint'(leaves * CHAIN) * LOW - 1;
    largest = longint'(leaves * CHAIN) * HIGH;
    bits = 1;
    while (smallest < -(64'sd1 << (bits - 1)) || largest >= 64'sd1 << (bits - 1)) bits++;
    return bits < ACC_BITS ? bits : ACC_BITS;
  endfunction

  // node[l][k]: the leaves k * 2**l ... (k + 1) * 2**l - 1, extended to RootBits. The adder that joins the leaves up to
  // `middle` - 1 with those from `middle` on takes the carry of `middle`.
  logic [RootBits-1:0] node[Levels+1][LEAVES]  /* verilator split_var */;

  for (genvar l = 0; l <= Levels; l++) begin : g_level
    for (genvar k = 0; k << l < LEAVES; k++) begin : g_node
      localparam int unsigned Middle = ((2 * k + 1) << l) / 2;
      if (l == 0) begin : g_leaf
        assign node[0][k] = RootBits'($signed(leaf[k]));
      end else if (Middle < LEAVES) begin : g_join
        localparam int unsigned Bits = node_bits((k + 1) << l < LEAVES ? 1 << l : LEAVES - (k << l));
        (* keep *) logic [Bits:0] joined;
        // The carry enters below the lowest bit, so that one carry chain adds all three.
        assign joined = {node[l-1][2*k][Bits-1:0], CARRIES} + {node[l-1][2*k+1][Bits-1:0], CARRIES & carry[Middle]};
        assign node[l][k] = RootBits'($signed(joined[Bits:1]));
        logic unused_below;
        assign unused_below = joined[0];
      end else begin : g_pass
        assign node[l][k] = node[l-1][2*k];
      end
    end
  end

  logic [RootBits-1:0] dot_q;
  logic carry_q;
  always_ff @(posedge clk) begin
    if (en) begin
      dot_q <= node[Levels][0];
      carry_q <= carry[0];
    end
  end

  if (1) begin : g_accumulate
    logic [ACC_BITS-1:0] acc_q;
    logic [ACC_BITS:0] next;
    assign next = {ACC_BITS'($signed(dot_q)), CARRIES & carry_q} + {first ? '0 : acc_q, CARRIES};
    always_ff @(posedge clk) if (en && valid) acc_q <= next[ACC_BITS:1];
    assign acc = acc_q;
    logic unused_below;
    assign unused_below = next[0];
  end

  logic unused;
  assign unused = &{1'b0, carry};
endmodule

`default_nettype wire
