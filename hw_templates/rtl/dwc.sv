// dwc: data-width converter between streams whose widths are integer multiples of each other.
//
// Function  IN_WIDTH < OUT_WIDTH: OUT_WIDTH/IN_WIDTH beats become one; IN_WIDTH > OUT_WIDTH: one beat becomes
//           IN_WIDTH/OUT_WIDTH. The first of the narrow beats is in the least significant bits.
// Latency   1 cycle after the last beat that an output beat needs; the narrow side moves one beat per cycle.
`default_nettype none

module dwc #(
    parameter int unsigned IN_WIDTH,  // bits of an input beat
    parameter int unsigned OUT_WIDTH  // bits of an output beat; a multiple or a divisor of IN_WIDTH, not equal
) (
    input  wire logic                 clk,
    input  wire logic                 rst_n,
    input  wire logic [ IN_WIDTH-1:0] s_axis_tdata,
    input  wire logic                 s_axis_tvalid,
    output      logic                 s_axis_tready,
    output      logic [OUT_WIDTH-1:0] m_axis_tdata,
    output      logic                 m_axis_tvalid,
    input  wire logic                 m_axis_tready
);

  if (IN_WIDTH < 1 || OUT_WIDTH < 1) $fatal(1, "dwc: IN_WIDTH and OUT_WIDTH must be at least 1");
  if (IN_WIDTH == OUT_WIDTH) $fatal(1, "dwc: IN_WIDTH and OUT_WIDTH are equal; there is nothing to convert");
  if (IN_WIDTH % OUT_WIDTH != 0 && OUT_WIDTH % IN_WIDTH != 0)
    $fatal(1, "dwc: the wider of IN_WIDTH and OUT_WIDTH must be a multiple of the other");

  if (OUT_WIDTH > IN_WIDTH) begin : g_up
    localparam int unsigned RATIO = OUT_WIDTH / IN_WIDTH;
    localparam int unsigned COUNT_BITS = $clog2(RATIO);

    logic [ OUT_WIDTH-1:0] data_q;
    logic [COUNT_BITS-1:0] count_q;
    logic valid_q, push, last;

    assign s_axis_tready = !valid_q || m_axis_tready;
    assign push = s_axis_tvalid && s_axis_tready;
    assign last = count_q == COUNT_BITS'(RATIO - 1);

    always_ff @(posedge clk) begin
      if (!rst_n) begin
        count_q <= '0;
        valid_q <= 1'b0;
      end else begin
        if (push) count_q <= last ? '0 : count_q + 1'b1;
        if (s_axis_tready) valid_q <= push && last;
      end
    end
    always_ff @(posedge clk) begin
      if (push) data_q <= {s_axis_tdata, data_q[OUT_WIDTH-1:IN_WIDTH]};
    end

    assign m_axis_tdata  = data_q;
    assign m_axis_tvalid = valid_q;
  end else begin : g_down
    localparam int unsigned RATIO = IN_WIDTH / OUT_WIDTH;
    localparam int unsigned COUNT_BITS = $clog2(RATIO);

    logic [  IN_WIDTH-1:0] data_q;
    logic [COUNT_BITS-1:0] count_q;
    logic valid_q, push, pop, last;

    assign last = count_q == COUNT_BITS'(RATIO - 1);
    assign pop = valid_q && m_axis_tready;
    assign s_axis_tready = !valid_q || (m_axis_tready && last);
    assign push = s_axis_tvalid && s_axis_tready;

    always_ff @(posedge clk) begin
      if (!rst_n) begin
        count_q <= '0;
        valid_q <= 1'b0;
      end else begin
        if (pop) count_q <= last ? '0 : count_q + 1'b1;
        if (s_axis_tready) valid_q <= s_axis_tvalid;
      end
    end
    always_ff @(posedge clk) begin
      if (push) data_q <= s_axis_tdata;
      else if (pop) data_q <= data_q >> OUT_WIDTH;
    end

    assign m_axis_tdata  = data_q[OUT_WIDTH-1:0];
    assign m_axis_tvalid = valid_q;
  end

endmodule

`default_nettype wire
