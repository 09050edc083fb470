// thresholding_const_stage: x > threshold, where the threshold is a constant function of a few bits.
//
// Function  above = x > t, t = threshold (2*prefix + 1) * 2**(STAGES-1-STAGE) - 1 of a lane
// Table     THRESHOLDS: threshold i, an unsigned number, in the BITS bits from i*BITS on.
// Method    A bit of the comparison from the lowest up: above = t[b] ? x[b] & above : x[b] | above. As many of them as fit
//           a LUT6, beside the prefix and the comparison so far, are one LUT: the first takes 6 - PREFIX bits of x, the
//           others 5 - PREFIX. No carry chain, which would take a LUT a bit.
// Latency   none (combinational).
`default_nettype none

module thresholding_const_stage #(
    parameter int unsigned STAGE,   // bits of the prefix
    parameter int unsigned STAGES,
    parameter int unsigned BITS,
    parameter logic [((1<<STAGES)-1)*BITS-1:0] THRESHOLDS,
    localparam int unsigned PREFIX_BITS = STAGE > 0 ? STAGE : 1
) (
    input  wire logic [       BITS-1:0] x,
    input  wire logic [PREFIX_BITS-1:0] prefix,
    output      logic                   above
);
  localparam int unsigned First = 6 - STAGE;
  localparam int unsigned Next = STAGE < 5 ? 5 - STAGE : 1;
  localparam int unsigned Luts = BITS > First ? 1 + (BITS - First + Next - 1) / Next : 1;
  localparam int unsigned Words = 1 << STAGE;

  // Bit b of the thresholds, by prefix.
  function automatic logic [Words-1:0] plane(input int unsigned b);
    for (int unsigned word = 0; word < Words; word++)
      plane[word] = THRESHOLDS[(((2*word+1)<<(STAGES-1-STAGE))-1)*BITS+b];
  endfunction

  logic [Luts-1:0] part;
  for (genvar l = 0; l < Luts; l++) begin : g_lut
    localparam int unsigned Low = l == 0 ? 0 : First + (l - 1) * Next;
    localparam int unsigned End = First + l * Next < BITS ? First + l * Next : BITS;
    (* keep *) logic result;
    logic [End-Low:0] so_far;
    if (l == 0) begin : g_first
      assign so_far[0] = 1'b0;
    end else begin : g_next
      assign so_far[0] = part[l-1];
    end
    for (genvar b = Low; b < End; b++) begin : g_bit
      localparam logic [Words-1:0] Plane = plane(b);
      if (STAGE == 0) begin : g_constant
        assign so_far[b-Low+1] = Plane[0] ? x[b] & so_far[b-Low] : x[b] | so_far[b-Low];
      end else begin : g_selected
        assign so_far[b-Low+1] = Plane[prefix] ? x[b] & so_far[b-Low] : x[b] | so_far[b-Low];
      end
    end
    assign result = so_far[End-Low];
    assign part[l] = result;
  end
  assign above = part[Luts-1];

  logic unused;
  assign unused = &{1'b0, prefix, part};
endmodule

`default_nettype wire
