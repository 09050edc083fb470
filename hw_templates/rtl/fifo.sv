// fifo: first-in first-out queue with registered ready and valid, so that no combinational path crosses it.
//
// Function  m_axis carries the beats of s_axis in order; at most DEPTH beats wait inside.
// Layout    DEPTH 3 ... 64 in LUTRAM: a ring of as many beats as a power of two holds, read at its oldest. Otherwise one
//           output register; the other DEPTH-1 beats in a ring (LUTRAM, or block RAM with its own read register).
// Latency   1 cycle when empty, whatever the depth or the memory; one beat per cycle for every DEPTH >= 2. With DEPTH 1
//           one beat every other cycle, and a register with no logic in front of it.
//
// Under Verilator with SIM_ID > 0 the harness can lower the depth at run time (read while in reset), which behaves
// exactly as a smaller DEPTH would, and gets the highest occupancy at the end.
`default_nettype none

module fifo #(
    parameter int unsigned WIDTH,      // bits of a beat
    parameter int unsigned DEPTH,      // beats, at least 1
    parameter string       RAM_STYLE,  // "auto", "distributed" or "block"
    parameter int unsigned SIM_ID      // number of the FIFO in simulation; 0: none
) (
    input  wire logic             clk,
    input  wire logic             rst_n,
    input  wire logic [WIDTH-1:0] s_axis_tdata,
    input  wire logic             s_axis_tvalid,
    output      logic             s_axis_tready,
    output      logic [WIDTH-1:0] m_axis_tdata,
    output      logic             m_axis_tvalid,
    input  wire logic             m_axis_tready
);

  if (WIDTH < 1) $fatal(1, "fifo: WIDTH must be at least 1");
  if (DEPTH < 1) $fatal(1, "fifo: DEPTH must be at least 1");
  if (RAM_STYLE != "auto" && RAM_STYLE != "distributed" && RAM_STYLE != "block")
    $fatal(1, "fifo: RAM_STYLE must be auto, distributed or block");

  localparam int unsigned RING = DEPTH > 1 ? DEPTH - 1 : 1;  // with DEPTH 1 it is never used
  localparam int unsigned ADDR_BITS = RING > 1 ? $clog2(RING) : 1;
  localparam int unsigned COUNT_BITS = $clog2(DEPTH + 1);
  // A block RAM pays off once the LUTRAM would be deep: 18 Kb against 64 x 1 bit in a LUT pair.
  localparam bit USE_BLOCK = (RAM_STYLE == "block" && RING > 1) || (RAM_STYLE == "auto" && RING > 256 && RING * WIDTH > 9216);

  logic [COUNT_BITS-1:0] count_q, count_d;  // beats inside, output register included
  logic ready_q;
  logic push, pop, bypass, fetch;
  logic [ADDR_BITS-1:0] write_q, read_q;

  assign s_axis_tready = ready_q;
  assign m_axis_tvalid = count_q != '0;
  assign push = s_axis_tvalid && ready_q;
  assign pop = m_axis_tvalid && m_axis_tready;
  // The beat goes straight to the output register when nothing else will be there in the next cycle.
  assign bypass = push && (count_q == '0 || (count_q == COUNT_BITS'(1) && pop));
  assign fetch = pop && count_q != COUNT_BITS'(1);

  always_comb begin
    count_d = count_q;
    if (push && !pop) count_d = count_q + 1'b1;
    if (pop && !push) count_d = count_q - 1'b1;
  end

  logic [COUNT_BITS-1:0] limit;
  always_ff @(posedge clk) begin
    if (!rst_n) begin
      count_q <= '0;
      ready_q <= 1'b0;
      write_q <= '0;
      read_q  <= '0;
    end else begin
      count_q <= count_d;
      ready_q <= count_d != limit;
      if (push && !bypass) write_q <= write_q == ADDR_BITS'(RING - 1) ? '0 : write_q + 1'b1;
      if (fetch) read_q <= read_q == ADDR_BITS'(RING - 1) ? '0 : read_q + 1'b1;
    end
  end

  if (USE_BLOCK) begin : g_block
    (* ram_style = "block" *) logic [WIDTH-1:0] ring[RING];
    logic [WIDTH-1:0] ring_q, direct_q;
    logic             from_ring_q;

    always_ff @(posedge clk) begin
      if (push && !bypass) ring[write_q] <= s_axis_tdata;
      if (fetch) ring_q <= ring[read_q];
    end
    always_ff @(posedge clk) begin
      if (bypass) direct_q <= s_axis_tdata;
      if (bypass || fetch) from_ring_q <= fetch;
    end
    assign m_axis_tdata = from_ring_q ? ring_q : direct_q;
  end else if (DEPTH > 2 && DEPTH <= 64) begin : g_direct
    localparam int unsigned PLACE_BITS = $clog2(DEPTH);
    (* ram_style = "distributed" *) logic [WIDTH-1:0] ring[2**PLACE_BITS];
    logic [PLACE_BITS-1:0] in_q, out_q;

    always_ff @(posedge clk) begin
      if (!rst_n) begin
        in_q  <= '0;
        out_q <= '0;
      end else begin
        if (push) in_q <= in_q + 1'b1;
        if (pop) out_q <= out_q + 1'b1;
      end
    end
    always_ff @(posedge clk) if (push) ring[in_q] <= s_axis_tdata;
    assign m_axis_tdata = ring[out_q];
  end else if (DEPTH == 1) begin : g_single
    logic [WIDTH-1:0] data_q;

    always_ff @(posedge clk) if (push) data_q <= s_axis_tdata;
    assign m_axis_tdata = data_q;
  end else if (RING == 1) begin : g_register
    logic [WIDTH-1:0] ring_q, data_q;

    always_ff @(posedge clk) begin
      if (push) ring_q <= s_axis_tdata;
      if (bypass) data_q <= s_axis_tdata;
      else if (fetch) data_q <= ring_q;
    end
    assign m_axis_tdata = data_q;
  end else begin : g_distributed
    (* ram_style = "distributed" *) logic [WIDTH-1:0] ring[RING];
    logic [WIDTH-1:0] data_q;

    always_ff @(posedge clk) begin
      if (push && !bypass) ring[write_q] <= s_axis_tdata;
    end
    always_ff @(posedge clk) begin
      if (bypass) data_q <= s_axis_tdata;
      else if (fetch) data_q <= ring[read_q];
    end
    assign m_axis_tdata = data_q;
  end

`ifdef VERILATOR
  if (SIM_ID > 0) begin : g_sim
    import "DPI-C" function int unsigned a2q_fifo_limit(input int unsigned id);
    import "DPI-C" function void a2q_fifo_report(
      input int unsigned id,
      input int unsigned peak
    );
    logic [COUNT_BITS-1:0] limit_q, peak_q;

    function automatic logic [COUNT_BITS-1:0] clamp(input int unsigned asked);
      return COUNT_BITS'(asked == 0 || asked > DEPTH ? DEPTH : asked);
    endfunction

    always_ff @(posedge clk) begin
      if (!rst_n) begin
        limit_q <= clamp(a2q_fifo_limit(SIM_ID));
        peak_q  <= '0;
      end else if (count_d > peak_q) begin
        peak_q <= count_d;
      end
    end
    assign limit = limit_q;
    final a2q_fifo_report(SIM_ID, 32'(peak_q));
  end else begin : g_no_sim
    assign limit = COUNT_BITS'(DEPTH);
  end
`else
  assign limit = COUNT_BITS'(DEPTH);
`endif

endmodule

`default_nettype wire
