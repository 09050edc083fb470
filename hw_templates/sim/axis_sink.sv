// Stream sink of the simulation: gives every beat it takes to the harness, which decides when it is ready.
//
// Checks that a beat stays until it is taken, and (HAS_LAST) that tlast marks the ends of the frames. Beats travel
// through DPI-C in 32-bit words, the least significant word first. Simulation only.
`default_nettype none

module axis_sink #(
  parameter int unsigned ID,
  parameter int unsigned WIDTH,
  parameter bit          HAS_LAST
) (
  input  wire logic             clk,
  input  wire logic             rst_n,
  input  wire logic             tvalid,
  output wire logic             tready,
  input  wire logic [WIDTH-1:0] tdata,
  input  wire logic             tlast
);

  localparam int unsigned WORDS = (WIDTH + 31) / 32;

  import "DPI-C" function void a2q_sink_open(input int unsigned id, input int unsigned width);
  import "DPI-C" function void a2q_sink_word(input int unsigned id, input int unsigned index, input int unsigned word);
  import "DPI-C" function void a2q_sink_take(input int unsigned id, input int unsigned has_last, input int unsigned last);
  import "DPI-C" function int unsigned a2q_sink_ready(input int unsigned id);
  import "DPI-C" function void a2q_sink_fault(input int unsigned id, input int unsigned kind);

  logic                ready_q;
  logic                dropped;
  logic                changed;
  logic [32*WORDS-1:0] data;
  assign data = (32 * WORDS)'(tdata);

  axis_stable #(
    .WIDTH(WIDTH + 1)
  ) stable (
    .clk,
    .rst_n,
    .tvalid,
    .tready(ready_q),
    .tdata({tlast & HAS_LAST, tdata}),
    .dropped,
    .changed
  );

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      a2q_sink_open(ID, WIDTH);
      ready_q <= 1'b0;
    end else begin
      if (dropped) a2q_sink_fault(ID, 0);
      if (changed) a2q_sink_fault(ID, 1);
      if (tvalid && ready_q) begin
        for (int unsigned i = 0; i < WORDS; i++) a2q_sink_word(ID, i, data[32*i+:32]);
        a2q_sink_take(ID, 32'(HAS_LAST), 32'(tlast));
      end
      ready_q <= 1'(a2q_sink_ready(ID));
    end
  end

  assign tready = ready_q;

endmodule

`default_nettype wire
