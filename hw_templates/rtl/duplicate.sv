// duplicate: one stream for two readers.
//
// Function  m0_axis and m1_axis each carry every beat of s_axis. The readers take a beat independently of each other, in
//           the same cycle or not; it leaves s_axis when the second of them takes it.
// Latency   none (combinational); one beat per cycle where both readers are ready.
`default_nettype none

module duplicate #(
    parameter int unsigned WIDTH  // bits of a beat
) (
    input  wire logic             clk,
    input  wire logic             rst_n,
    input  wire logic [WIDTH-1:0] s_axis_tdata,
    input  wire logic             s_axis_tvalid,
    output      logic             s_axis_tready,
    output      logic [WIDTH-1:0] m0_axis_tdata,
    output      logic             m0_axis_tvalid,
    input  wire logic             m0_axis_tready,
    output      logic [WIDTH-1:0] m1_axis_tdata,
    output      logic             m1_axis_tvalid,
    input  wire logic             m1_axis_tready
);

  if (WIDTH < 1) $fatal(1, "duplicate: WIDTH must be at least 1");

  // Who has taken the beat that waits: at most one of them, or it would be gone.
  logic done0_q, done1_q, done0, done1;
  assign done0 = done0_q || m0_axis_tready;
  assign done1 = done1_q || m1_axis_tready;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      done0_q <= 1'b0;
      done1_q <= 1'b0;
    end else if (s_axis_tvalid) begin
      done0_q <= done0 && !done1;
      done1_q <= done1 && !done0;
    end
  end

  assign s_axis_tready  = done0 && done1;
  assign m0_axis_tvalid = s_axis_tvalid && !done0_q;
  assign m1_axis_tvalid = s_axis_tvalid && !done1_q;
  assign m0_axis_tdata  = s_axis_tdata;
  assign m1_axis_tdata  = s_axis_tdata;

endmodule

`default_nettype wire
