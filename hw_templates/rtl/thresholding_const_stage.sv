// thresholding_const_stage: x > threshold, where the threshold is a constant function of a few bits.
//
// Function  above = x > t, t = threshold (2*prefix + 1) * 2**(STAGES-1-STAGE) - 1 of a lane; unsigned numbers
// Table     THRESHOLDS: threshold i in the BITS bits from i*BITS on.
// Method    The comparison from the lowest bit up: above = t[b] ? x[b] & above : x[b] | above. As many of these steps as
//           fit into a LUT6, beside the prefix and the comparison so far, are one LUT: the first takes 6 - STAGE bits of
//           x, the others 5 - STAGE. No carry chain, which would take a LUT a bit.
// Latency   none (combinational).
`default_nettype none

module thresholding_const_stage #(
    parameter int unsigned STAGE,   // bits of the prefix, at most 4
    parameter int unsigned STAGES,
    parameter int unsigned BITS,
    parameter logic [((1<<STAGES)-1)*BITS-1:0] THRESHOLDS,
    localparam int unsigned PREFIX_BITS = STAGE > 0 ? STAGE : 1
) (
    input  wire logic [       BITS-1:0] x,
    input  wire logic [PREFIX_BITS-1:0] prefix,
    output      logic                   above
);
  if (STAGE >= STAGES || STAGE > 4) $fatal(1, "thresholding_const_stage: STAGE must be below STAGES, and at most 4");

  localparam int unsigned First = 6 - STAGE;
  localparam int unsigned Next = 5 - STAGE;
  localparam int unsigned Luts = BITS > First ? 1 + (BITS - First + Next - 1) / Next : 1;

  // The LUT of the bits low ... upto - 1: address {x[low] ..., prefix, comparison of the bits below low}, from bit 0 up;
  // addresses that set more than these bits do not occur.
  function automatic logic [63:0] table_of(input int unsigned low, input int unsigned upto);
    for (int unsigned a = 0; a < 64; a++) begin
      int unsigned word;
      logic so_far;
      word = a >> (upto - low) & ((1 << STAGE) - 1);
      so_far = 1'(a >> (upto - low + STAGE) & 1);
      for (int unsigned b = low; b < upto; b++) begin
        if (THRESHOLDS[(((2*word+1)<<(STAGES-1-STAGE))-1)*BITS+b]) so_far = 1'(a >> (b - low)) & so_far;
        else so_far = 1'(a >> (b - low)) | so_far;
      end
      table_of[a] = so_far;
    end
  endfunction

  logic [Luts:0] part;
  assign part[0] = 1'b0;
  assign above = part[Luts];

  for (genvar l = 0; l < Luts; l++) begin : g_lut
    localparam int unsigned Low = l == 0 ? 0 : First + (l - 1) * Next;
    localparam int unsigned End = First + l * Next < BITS ? First + l * Next : BITS;
    localparam logic [63:0] Table = table_of(Low, End);
    logic [5:0] address;
    if (STAGE > 0) begin : g_prefix
      assign address = 6'({part[l], prefix, x[End-1:Low]});
    end else begin : g_first
      assign address = 6'({part[l], x[End-1:Low]});
    end
    lut6 #(
        .INIT(Table)
    ) i_lut (
        .in(address), .out(part[l+1])
    );
  end

  logic unused;
  assign unused = &{1'b0, prefix};
endmodule

`default_nettype wire
