// Monitor beside a stream: looks, never drives. Simulation only.
//
// Counts beats, stall cycles (valid, not ready) and starve cycles (ready, not valid) since the last reset, checks that
// a beat stays until it is taken, and gives the beats to the harness when it captures. The counters are reported when
// the simulation ends.
`default_nettype none

module axis_monitor #(
  parameter int unsigned ID,
  parameter int unsigned WIDTH
) (
  input wire logic             clk,
  input wire logic             rst_n,
  input wire logic             tvalid,
  input wire logic             tready,
  input wire logic [WIDTH-1:0] tdata
);

  localparam int unsigned WORDS = (WIDTH + 31) / 32;

  import "DPI-C" function int unsigned a2q_monitor_open(input int unsigned id, input int unsigned width);
  import "DPI-C" function void a2q_monitor_word(input int unsigned id, input int unsigned index, input int unsigned word);
  import "DPI-C" function void a2q_monitor_beat(input int unsigned id);
  import "DPI-C" function void a2q_monitor_fault(input int unsigned id, input int unsigned kind);
  import "DPI-C" function void a2q_monitor_report(
    input int unsigned id, input longint unsigned stalls, input longint unsigned starves,
    input int unsigned valid, input int unsigned ready
  );

  logic                dropped;
  logic                changed;
  logic                capture_q;
  longint unsigned     stalls_q;
  longint unsigned     starves_q;
  logic [32*WORDS-1:0] data;
  assign data = (32 * WORDS)'(tdata);

  axis_stable #(
    .WIDTH(WIDTH)
  ) stable (
    .clk,
    .rst_n,
    .tvalid,
    .tready,
    .tdata,
    .dropped,
    .changed
  );

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      capture_q <= 1'(a2q_monitor_open(ID, WIDTH));
      stalls_q  <= 0;
      starves_q <= 0;
    end else begin
      if (dropped) a2q_monitor_fault(ID, 0);
      if (changed) a2q_monitor_fault(ID, 1);
      if (tvalid && tready) begin
        if (capture_q) begin
          for (int unsigned i = 0; i < WORDS; i++) a2q_monitor_word(ID, i, data[32*i+:32]);
        end
        a2q_monitor_beat(ID);
      end
      if (tvalid && !tready) stalls_q <= stalls_q + 1;
      if (tready && !tvalid) starves_q <= starves_q + 1;
    end
  end

  final a2q_monitor_report(ID, stalls_q, starves_q, 32'(tvalid), 32'(tready));

endmodule

`default_nettype wire
