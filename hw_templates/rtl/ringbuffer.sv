// ringbuffer: memory of DEPTH beats, written in order, read in an order that the module around it chooses.
//
// Function  Beat i of s_axis goes to memory[i mod DEPTH]. m_axis gives the beat at the read position, which starts at
//           beat 0. With every `read` the position moves by `step` (|step| < DEPTH) and `given_up` more of the oldest
//           beats make room for new ones. A beat is read as soon as it is there; what it moves on must be valid always.
// Latency   2 cycles from a beat's arrival to its output; one beat in and one out per cycle.
`default_nettype none

module ringbuffer #(
    parameter int unsigned WIDTH,  // bits of a beat
    parameter int unsigned DEPTH,  // beats of memory, at least 2
    localparam int unsigned DIST_BITS = $clog2(2 * DEPTH) + 1
) (
    input  wire logic                        clk,
    input  wire logic                        rst_n,
    input  wire logic [           WIDTH-1:0] s_axis_tdata,
    input  wire logic                        s_axis_tvalid,
    output      logic                        s_axis_tready,
    output      logic [           WIDTH-1:0] m_axis_tdata,
    output      logic                        m_axis_tvalid,
    input  wire logic                        m_axis_tready,
    output      logic                        read,
    input  wire logic signed [DIST_BITS-1:0] step,
    input  wire logic signed [DIST_BITS-1:0] given_up
);

  if (WIDTH < 1) $fatal(1, "ringbuffer: WIDTH must be at least 1");
  if (DEPTH < 2) $fatal(1, "ringbuffer: DEPTH must be at least 2");

  localparam int unsigned AddressBits = $clog2(DEPTH);

  logic signed [DIST_BITS-1:0] ahead_q;  // beats written from the read position on; negative: it is yet to come
  logic signed [DIST_BITS-1:0] held_q;  // beats written and not given up
  logic signed [DIST_BITS-1:0] moved;
  logic [AddressBits-1:0] write_q, read_q;
  logic write, valid_q;

  assign s_axis_tready = held_q != DIST_BITS'(DEPTH);
  assign write = s_axis_tvalid && s_axis_tready;
  assign read = ahead_q > 0 && (!valid_q || m_axis_tready);
  assign moved = DIST_BITS'($signed({1'b0, read_q})) + step;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      valid_q <= 1'b0;
      ahead_q <= '0;
      held_q  <= '0;
      write_q <= '0;
      read_q  <= '0;
    end else begin
      if (!valid_q || m_axis_tready) valid_q <= read;
      ahead_q <= ahead_q + (write ? DIST_BITS'(1) : '0) - (read ? step : '0);
      held_q  <= held_q + (write ? DIST_BITS'(1) : '0) - (read ? given_up : '0);
      if (write) write_q <= write_q == AddressBits'(DEPTH - 1) ? '0 : write_q + 1'b1;
      if (read) begin
        if (moved < 0) read_q <= AddressBits'(moved + DIST_BITS'(DEPTH));
        else if (moved >= DIST_BITS'(DEPTH)) read_q <= AddressBits'(moved - DIST_BITS'(DEPTH));
        else read_q <= AddressBits'(moved);
      end
    end
  end

  logic [WIDTH-1:0] memory[DEPTH];
  logic [WIDTH-1:0] data_q;

  always_ff @(posedge clk) begin
    if (write) memory[write_q] <= s_axis_tdata;
  end
  always_ff @(posedge clk) begin
    if (read) data_q <= memory[read_q];
  end

  assign m_axis_tdata  = data_q;
  assign m_axis_tvalid = valid_q;

endmodule

`default_nettype wire
