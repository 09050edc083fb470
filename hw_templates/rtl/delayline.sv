// delayline: a beat of WIDTH bits, LENGTH shifts later.
//
// Function  q after shift t is d of shift t - LENGTH + 1: with LENGTH = 1 a register. What q is before LENGTH shifts is
//           of no meaning; it stands still while `shift` is low.
// Memory    LENGTH > 1: LENGTH words, written at a position and read at the next one, the oldest, in the same cycle; the
//           two addresses are never equal. One write and one read port, registered output: LUTRAM or block RAM.
`default_nettype none

module delayline #(
    parameter int unsigned WIDTH,
    parameter int unsigned LENGTH,    // shifts
    parameter string       RAM_STYLE  // "auto", "distributed" or "block"
) (
    input  wire logic             clk,
    input  wire logic             rst_n,
    input  wire logic             shift,
    input  wire logic [WIDTH-1:0] d,
    output      logic [WIDTH-1:0] q
);

  if (WIDTH < 1 || LENGTH < 1) $fatal(1, "delayline: WIDTH and LENGTH must be at least 1");
  if (RAM_STYLE != "auto" && RAM_STYLE != "distributed" && RAM_STYLE != "block")
    $fatal(1, "delayline: RAM_STYLE must be auto, distributed or block");

  if (LENGTH == 1) begin : g_register
    logic [WIDTH-1:0] data_q;
    always_ff @(posedge clk) if (shift) data_q <= d;
    assign q = data_q;
    logic unused;
    assign unused = &{1'b0, rst_n};

  end else begin : g_memory
    localparam int unsigned AddressBits = $clog2(LENGTH);

    logic [AddressBits-1:0] address_q, next;
    assign next = address_q == AddressBits'(LENGTH - 1) ? '0 : address_q + 1'b1;
    always_ff @(posedge clk) begin
      if (!rst_n) address_q <= '0;
      else if (shift) address_q <= next;
    end

    (* ram_style = RAM_STYLE *)
    logic [WIDTH-1:0] memory[LENGTH];
    logic [WIDTH-1:0] data_q;
    always_ff @(posedge clk) if (shift) memory[address_q] <= d;
    always_ff @(posedge clk) if (shift) data_q <= memory[next];
    assign q = data_q;
  end

endmodule

`default_nettype wire
