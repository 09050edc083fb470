// Stream source of the simulation: sends the beats that the harness holds for source ID.
//
// Every decision (stall, throttle, end of the frames) is the harness'; this module only holds a beat until it is
// taken. Beats travel through DPI-C in 32-bit words, the least significant word first. Simulation only.
`default_nettype none

module axis_source #(
  parameter int unsigned ID,
  parameter int unsigned WIDTH
) (
  input  wire logic             clk,
  input  wire logic             rst_n,
  output wire logic             tvalid,
  input  wire logic             tready,
  output wire logic [WIDTH-1:0] tdata,
  output wire logic             tlast
);

  localparam int unsigned WORDS = (WIDTH + 31) / 32;

  import "DPI-C" function void a2q_source_open(input int unsigned id, input int unsigned width);
  import "DPI-C" function int unsigned a2q_source_step(input int unsigned id);
  import "DPI-C" function int unsigned a2q_source_word(input int unsigned id, input int unsigned index);

  logic [32*WORDS-1:0] data_q;
  logic                valid_q;
  logic                last_q;
  int unsigned         step;

  // One block with blocking temporaries: the order of the DPI calls matters.
  always_ff @(posedge clk) begin
    if (!rst_n) begin
      a2q_source_open(ID, WIDTH);
      valid_q <= 1'b0;
    end else if (!valid_q || tready) begin
      step = a2q_source_step(ID);
      valid_q <= step[0];
      last_q  <= step[1];
      if (step[0]) begin
        for (int unsigned i = 0; i < WORDS; i++) data_q[32*i+:32] <= a2q_source_word(ID, i);
      end
    end
  end

  assign tvalid = valid_q;
  assign tdata  = data_q[WIDTH-1:0];
  assign tlast  = last_q;

endmodule

`default_nettype wire
