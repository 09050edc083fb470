// fifo_pointer: goes through all places of a ring, one a step, in an order that is the same every time.
//
// Function  place is one of PLACES different values, each of them once in PLACES steps; two pointers that took equally
//           many steps since reset are equal.
// Method    2**BITS places: a shift register whose new bit is the parity of its taps (XAPP052: a maximal sequence of
//           2**BITS-1 values), put through 0 as well. One LUT or two in place of a counter's BITS. Fewer places, or
//           more than 2**16: a counter.
// APART     Yosys moves the address register of a memory that is read without a clock into the memory, finds that LUTRAM
//           has none, and makes a second one, with a LUT a bit. It does not where a LUT is in between: for read
//           addresses of some bits that is cheaper.
`default_nettype none

module fifo_pointer #(
    parameter int unsigned BITS,   // of `place`, at least 1
    parameter int unsigned PLACES, // at most 2**BITS
    parameter bit          APART   // bit 0 comes out of a LUT
) (
    input  wire logic            clk,
    input  wire logic            rst_n,
    input  wire logic            step,
    output      logic [BITS-1:0] place
);
  logic [BITS-1:0] place_d;

  function automatic logic [15:0] taps();
    case (BITS)
      2:       return 16'h0003;
      3:       return 16'h0006;
      4:       return 16'h000c;
      5:       return 16'h0014;
      6:       return 16'h0030;
      7:       return 16'h0060;
      8:       return 16'h00b8;
      9:       return 16'h0110;
      10:      return 16'h0240;
      11:      return 16'h0500;
      12:      return 16'h0829;
      13:      return 16'h100d;
      14:      return 16'h2015;
      15:      return 16'h6000;
      default: return 16'hd008;
    endcase
  endfunction

  if (PLACES == 2 ** BITS && BITS > 1 && BITS <= 16) begin : g_shift
    localparam logic [BITS-1:0] Taps = BITS'(taps());

    // All zeros but the oldest bit: 0 comes next in place of 1, and 1 after 0.
    logic fresh;
    assign fresh = ^(place & Taps) ^ (place[BITS-2:0] == '0);
    assign place_d = {place[BITS-2:0], fresh};
  end else begin : g_count
    assign place_d = place == BITS'(PLACES - 1) ? '0 : place + 1'b1;
  end

  // With APART, bit 0 is kept inverted.
  localparam logic [BITS-1:0] Kept = BITS'(APART);
  logic [BITS-1:0] place_q;
  assign place = place_q ^ Kept;
  always_ff @(posedge clk) begin
    if (!rst_n) place_q <= Kept;
    else if (step) place_q <= place_d ^ Kept;
  end
endmodule

`default_nettype wire
