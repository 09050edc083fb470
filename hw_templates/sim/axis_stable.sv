// The AXI-Stream rule that a beat once offered stays, unchanged, until it is taken. Simulation only.
//
// `dropped` and `changed` are valid at the clock edge: the beat offered and not taken at the edge before is gone, or
// carries another payload.
`default_nettype none

module axis_stable #(
  parameter int unsigned WIDTH
) (
  input  wire logic             clk,
  input  wire logic             rst_n,
  input  wire logic             tvalid,
  input  wire logic             tready,
  input  wire logic [WIDTH-1:0] tdata,
  output wire logic             dropped,
  output wire logic             changed
);

  logic             waiting_q;
  logic [WIDTH-1:0] data_q;

  always_ff @(posedge clk) begin
    waiting_q <= rst_n && tvalid && !tready;
    if (tvalid && !tready && !waiting_q) data_q <= tdata;
  end

  assign dropped = waiting_q && !tvalid;
  assign changed = waiting_q && tvalid && tdata != data_q;

endmodule

`default_nettype wire
