// lut6: a function of six bits that shall be one LUT.
//
// Function  out = INIT[in]
// Method    The primitive of 7-series and UltraScale parts itself, because a tool that maps logic for speed duplicates
//           what it may take apart; a table in simulation.
// Latency   none (combinational).
`default_nettype none

module lut6 #(
    parameter logic [63:0] INIT
) (
    input  wire logic [5:0] in,
    output      logic       out
);
`ifdef SYNTHESIS
  LUT6 #(
      .INIT(INIT)
  ) i_lut (
      .I0(in[0]), .I1(in[1]), .I2(in[2]), .I3(in[3]), .I4(in[4]), .I5(in[5]), .O(out)
  );
`else
  assign out = INIT[in];
`endif
endmodule

`default_nettype wire
