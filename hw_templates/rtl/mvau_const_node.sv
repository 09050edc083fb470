// mvau_const_node: one node of an adder graph, see mvau_const.sv.
//
// Function  result, modulo 2**BITS, by KIND:  0: left, a register later   1: left + (right << RIGHT_SHIFT)
//           2: (left << LEFT_SHIFT) - (right << RIGHT_SHIFT)   3: -left
// Method    The bits below a right shift are left's: only those above it cost a LUT each, in front of a carry chain.
// Latency   0: one register, which stands still while en is low; else none (combinational).
`default_nettype none

module mvau_const_node #(
    parameter bit [1:0]    KIND,
    parameter int unsigned BITS,
    parameter int unsigned LEFT_SHIFT,
    parameter int unsigned RIGHT_SHIFT
) (
    input  wire logic            clk,
    input  wire logic            en,
    input  wire logic [BITS-1:0] left,   // modulo 2**BITS, as the result
    input  wire logic [BITS-1:0] right,
    output      logic [BITS-1:0] result
);
  if (LEFT_SHIFT != 0 && (KIND != 2'd2 || RIGHT_SHIFT != 0)) $fatal(1, "mvau_const_node: LEFT_SHIFT is of no use");
  if (RIGHT_SHIFT != 0 && KIND != 2'd1 && KIND != 2'd2) $fatal(1, "mvau_const_node: RIGHT_SHIFT is of no use");

  if (KIND == 2'd0) begin : g_register
    logic [BITS-1:0] result_q;
    always_ff @(posedge clk) if (en) result_q <= left;
    assign result = result_q;
  end else if (RIGHT_SHIFT >= BITS) begin : g_nothing_to_add
    assign result = left;
  end else begin : g_adder
    // keep: stops Yosys from merging several adders into a carry-save tree of twice the LUTs.
    (* keep *) logic [BITS-RIGHT_SHIFT-1:0] high;
    if (KIND == 2'd1) begin : g_add
      assign high = left[BITS-1:RIGHT_SHIFT] + right[BITS-RIGHT_SHIFT-1:0];
    end else if (KIND == 2'd2) begin : g_subtract
      if (RIGHT_SHIFT > 0) begin : g_right
        assign high = left[BITS-1:RIGHT_SHIFT] - right[BITS-RIGHT_SHIFT-1:0];
      end else begin : g_left
        assign high = (left << LEFT_SHIFT) - right;
      end
    end else begin : g_negate
      assign high = -left;
    end
    if (RIGHT_SHIFT > 0) begin : g_low
      assign result = {high, left[RIGHT_SHIFT-1:0]};
    end else begin : g_all
      assign result = high;
    end
  end

  // A register has no right operand, an adder no clock.
  logic unused;
  assign unused = &{1'b0, clk, en, right};
endmodule

`default_nettype wire
