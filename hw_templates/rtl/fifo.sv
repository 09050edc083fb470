// fifo: first-in first-out queue with registered ready and valid, so that no combinational path crosses it.
//
// Function  m_axis carries the beats of s_axis in order; at most DEPTH beats wait inside.
// Layout    DEPTH 1, and 2 of few bits: registers. 3 ... 64, and 2 of many: LUTRAM, read at its oldest beat. Deeper: a
//           ring of DEPTH-1 beats in front of an output register, which is block RAM's own where it is one.
// Latency   1 cycle when empty, 2 where deeper than 64; one beat per cycle for every DEPTH >= 2. With DEPTH 1 one beat
//           every other cycle, and a register with no logic in front of it.
//
// Under Verilator with SIM_ID > 0 the harness can lower the depth at run time (read while in reset), which behaves
// exactly as a smaller DEPTH would, and gets the highest occupancy at the end.
`default_nettype none

module fifo #(
    parameter int unsigned WIDTH,      // bits of a beat
    parameter int unsigned DEPTH,      // beats, at least 1
    parameter string       RAM_STYLE,  // "auto", "distributed" or "block"; of a FIFO that is deeper than 64
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

  localparam int unsigned DIRECT = 64;  // up to here, LUTRAM is one LUT deep
  localparam bit DEEP = DEPTH > DIRECT;
  // The queue holds what waits in memory: all beats, or where DEEP those that are not in the output register.
  localparam int unsigned PLACES = DEEP ? DEPTH - 1 : DEPTH;
  // A block RAM takes the place of 48 LUTs of LUTRAM or more, and of what chooses among them (four hold 64 words of 3 bits).
  localparam int unsigned LUTS = 4 * ((WIDTH + 2) / 3) * ((PLACES + 63) / 64);
  localparam bit USE_BLOCK = DEEP && (RAM_STYLE == "block" || (RAM_STYLE == "auto" && LUTS >= 48));
  localparam int unsigned BITS = PLACES > 1 ? $clog2(PLACES) : 1;

  logic ready_q, ready_d;
  logic push, pop;
  logic enter, take;  // into the queue, out of it
  logic some_q;       // the queue is not empty
  logic fast;         // simulated as a depth that is not DEEP
  logic [BITS-1:0] count_q;  // what is in it, modulo 2**BITS

  assign s_axis_tready = ready_q;
  assign push = s_axis_tvalid && ready_q;
  assign pop = m_axis_tvalid && m_axis_tready;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      count_q <= '0;
      ready_q <= 1'b0;
      some_q  <= 1'b0;
    end else begin
      if (enter != take) count_q <= count_q + ({BITS{take}} | BITS'(1));
      ready_q <= ready_d;
      some_q  <= enter || (some_q && !(take && count_q == BITS'(1)));
    end
  end

  if (DEEP) begin : g_deep
    // As many places as addresses where that costs no memory: then the places need no order (fifo_pointer).
    localparam int unsigned Piece = USE_BLOCK ? 512 : 64;
    localparam bit WHOLE = (PLACES + Piece - 1) / Piece * Piece >= 2 ** BITS;
    localparam int unsigned RING = WHOLE ? 2 ** BITS : PLACES;
    localparam string Style = USE_BLOCK ? "block" : "distributed";
    (* ram_style = Style *) logic [WIDTH-1:0] ring[RING];
    logic [WIDTH-1:0] ring_q;
    logic [BITS-1:0] in, out;
    logic valid_q, free, bypass;

    fifo_pointer #(.BITS(BITS), .PLACES(RING), .APART(1'b0)) i_in (.clk, .rst_n, .step(enter), .place(in));
    fifo_pointer #(.BITS(BITS), .PLACES(RING), .APART(1'b0)) i_out (.clk, .rst_n, .step(take), .place(out));

    assign free = !valid_q || m_axis_tready;
    assign bypass = fast && push && !some_q && free;
    assign enter = push && !bypass;
    assign take = some_q && free;
    assign m_axis_tvalid = valid_q;

    always_ff @(posedge clk) begin
      if (!rst_n) valid_q <= 1'b0;
      else if (free) valid_q <= some_q || bypass;
    end
    always_ff @(posedge clk) if (enter) ring[in] <= s_axis_tdata;
    always_ff @(posedge clk) if (free) ring_q <= ring[out];

`ifdef VERILATOR
    logic bypass_q;
    logic [WIDTH-1:0] bypass_data_q;
    always_ff @(posedge clk) begin
      if (free) bypass_q <= bypass;
      if (bypass) bypass_data_q <= s_axis_tdata;
    end
    assign m_axis_tdata = bypass_q ? bypass_data_q : ring_q;
`else
    assign m_axis_tdata = ring_q;
`endif

  end else begin : g_direct
    assign enter = push;
    assign take = pop;
    assign m_axis_tvalid = some_q;
    logic unused;
    assign unused = fast;

    if (DEPTH == 1) begin : g_single
      logic [WIDTH-1:0] data_q;

      always_ff @(posedge clk) if (push) data_q <= s_axis_tdata;
      assign m_axis_tdata = data_q;
    end else if (DEPTH == 2 && WIDTH < 12) begin : g_registers
      logic [WIDTH-1:0] ring_q, data_q;

      always_ff @(posedge clk) begin
        if (push) ring_q <= s_axis_tdata;
        if (pop || !some_q) data_q <= ready_q ? s_axis_tdata : ring_q;
      end
      assign m_axis_tdata = data_q;
    end else begin : g_ring
      (* ram_style = "distributed" *) logic [WIDTH-1:0] ring[2**BITS];
      logic [BITS-1:0] in, out;

      fifo_pointer #(.BITS(BITS), .PLACES(2 ** BITS), .APART(1'b0)) i_in (.clk, .rst_n, .step(push), .place(in));
      fifo_pointer #(.BITS(BITS), .PLACES(2 ** BITS), .APART(BITS > 2)) i_out (.clk, .rst_n, .step(pop), .place(out));
      always_ff @(posedge clk) if (push) ring[in] <= s_axis_tdata;
      assign m_axis_tdata = ring[out];
    end
  end

  // Whether the queue has a place in the next cycle. That of reset is neither ready nor full.
  logic room;
  assign room = take || !(some_q && !ready_q || enter && count_q == BITS'(PLACES - 1));

`ifdef VERILATOR
  if (SIM_ID > 0) begin : g_sim
    import "DPI-C" function int unsigned a2q_fifo_limit(input int unsigned id);
    import "DPI-C" function void a2q_fifo_report(
      input int unsigned id,
      input int unsigned peak
    );
    int unsigned limit_q, held_q, held_d, peak_q;

    function automatic int unsigned clamp(input int unsigned asked);
      return asked == 0 || asked > DEPTH ? DEPTH : asked;
    endfunction

    assign held_d = held_q + 32'(push) - 32'(pop);
    always_ff @(posedge clk) begin
      if (!rst_n) begin
        limit_q <= clamp(a2q_fifo_limit(SIM_ID));
        held_q  <= '0;
        peak_q  <= '0;
      end else begin
        held_q <= held_d;
        if (held_d > peak_q) peak_q <= held_d;
      end
    end
    assign ready_d = held_d != limit_q;
    logic unused;
    assign unused = room;
    assign fast = limit_q <= DIRECT;
    final a2q_fifo_report(SIM_ID, peak_q);
  end else begin : g_no_sim
    logic unused;
    assign unused = pop;
    assign ready_d = room;
    assign fast = 1'b0;
  end
`else
  assign ready_d = room;
  assign fast = 1'b0;
`endif
endmodule

`default_nettype wire
