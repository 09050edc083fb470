// tlastmarker: passes a stream through and marks the last beat of every frame.
//
// Function  m_axis = s_axis; m_axis_tlast is high with beat BEATS-1 of each group of BEATS beats.
// Latency   none (combinational); one beat per cycle.
`default_nettype none

module tlastmarker #(
    parameter int unsigned WIDTH,  // bits of a beat
    parameter int unsigned BEATS   // beats of a frame
) (
    input  wire logic             clk,
    input  wire logic             rst_n,
    input  wire logic [WIDTH-1:0] s_axis_tdata,
    input  wire logic             s_axis_tvalid,
    output      logic             s_axis_tready,
    output      logic [WIDTH-1:0] m_axis_tdata,
    output      logic             m_axis_tvalid,
    output      logic             m_axis_tlast,
    input  wire logic             m_axis_tready
);

  if (WIDTH < 1) $fatal(1, "tlastmarker: WIDTH must be at least 1");
  if (BEATS < 1) $fatal(1, "tlastmarker: BEATS must be at least 1");

  assign m_axis_tdata  = s_axis_tdata;
  assign m_axis_tvalid = s_axis_tvalid;
  assign s_axis_tready = m_axis_tready;

  if (BEATS == 1) begin : g_always
    assign m_axis_tlast = 1'b1;
    logic unused;
    assign unused = &{1'b0, clk, rst_n};
  end else begin : g_count
    localparam int unsigned CountBits = $clog2(BEATS);
    logic [CountBits-1:0] beat_q;

    assign m_axis_tlast = beat_q == CountBits'(BEATS - 1);

    always_ff @(posedge clk) begin
      if (!rst_n) beat_q <= '0;
      else if (s_axis_tvalid && m_axis_tready) beat_q <= m_axis_tlast ? '0 : beat_q + 1'b1;
    end
  end

endmodule

`default_nettype wire
