// thresholding_const_stage: x > t, where the threshold t is a constant function of a few bits, in LUTs.
//
// Function  above = x > t[prefix], unsigned numbers
// Method    The comparison from the lowest bit up: above = t[b] ? x[b] & above : x[b] | above. As many of these steps as
//           fit into a LUT6, beside the prefix and the comparison so far, are one LUT: the first takes 6 - STAGE bits of
//           x, the others 5 - STAGE. No carry chain, which would take a LUT a bit.
// Tables    TABLES: of the LUTs from the lowest bits on, 64 bits each. Address {comparison so far, prefix, bits of x}.
// Latency   none (combinational).
`default_nettype none

module thresholding_const_stage #(
    parameter int unsigned STAGE,  // bits of the prefix, at most 4
    parameter int unsigned BITS,
    parameter int unsigned LUTS,
    parameter logic [64*LUTS-1:0] TABLES,
    localparam int unsigned PREFIX_BITS = STAGE > 0 ? STAGE : 1
) (
    input  wire logic [       BITS-1:0] x,
    input  wire logic [PREFIX_BITS-1:0] prefix,
    output      logic                   above
);
  localparam int unsigned First = 6 - STAGE;
  localparam int unsigned Next = 5 - STAGE;

  logic [LUTS:0] part;
  assign part[0] = 1'b0;
  assign above = part[LUTS];

  for (genvar l = 0; l < LUTS; l++) begin : g_lut
    localparam int unsigned Low = l == 0 ? 0 : First + (l - 1) * Next;
    localparam int unsigned End = First + l * Next < BITS ? First + l * Next : BITS;
    logic [5:0] address;
    if (STAGE > 0) begin : g_prefix
      assign address = 6'({part[l], prefix, x[End-1:Low]});
    end else begin : g_first
      assign address = 6'({part[l], x[End-1:Low]});
    end
    lut6 #(
        .INIT(TABLES[64*l+:64])
    ) i_lut (
        .in(address), .out(part[l+1])
    );
  end

  logic unused;
  assign unused = &{1'b0, prefix};
endmodule

`default_nettype wire
