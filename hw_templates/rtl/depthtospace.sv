// depthtospace: pixel shuffle; BLOCK x BLOCK groups of channels become as many pixels.
//
// Function  A row of W pixels of BLOCK rows of SEGMENT beats each becomes BLOCK rows: row i takes the beats
//           i*SEGMENT ... (i+1)*SEGMENT - 1 of every pixel in turn, which hold BLOCK pixels side by side.
// Memory    A ring of (BLOCK-1) * SEGMENT * (2*W-1) + 2 beats, for BLOCK = 2 as good as a row: the fewest for one beat
//           in and one out in every cycle. Beat p of a row leaves, counted from its arrival, at the earliest
//           SEGMENT*(W-1)*(BLOCK-1) beats before and at the latest (BLOCK-1)*SEGMENT*W after the beat in its turn.
// Latency   2 cycles for the first segment; one beat per cycle, without a gap between rows or maps.
`default_nettype none

module depthtospace #(
    parameter int unsigned WIDTH,    // bits of a beat
    parameter int unsigned SEGMENT,  // beats of BLOCK output pixels
    parameter int unsigned W,        // pixels of an input row
    parameter int unsigned BLOCK
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

  if (WIDTH < 1 || SEGMENT < 1 || W < 1) $fatal(1, "depthtospace: WIDTH, SEGMENT and W must be at least 1");
  if (BLOCK < 1 || SEGMENT % BLOCK != 0) $fatal(1, "depthtospace: BLOCK must be at least 1 and divide SEGMENT");

  localparam int unsigned OTHERS = (BLOCK - 1) * SEGMENT;  // beats of a pixel that belong to other rows
  localparam int unsigned DEPTH = OTHERS * (2 * W - 1) + 2;
  localparam int unsigned DistBits = $clog2(2 * DEPTH) + 1;
  localparam int unsigned BeatBits = SEGMENT > 1 ? $clog2(SEGMENT) : 1;
  localparam int unsigned PixelBits = W > 1 ? $clog2(W) : 1;
  localparam int unsigned RowBits = BLOCK > 1 ? $clog2(BLOCK) : 1;

  logic [BeatBits-1:0] beat_q;
  logic [PixelBits-1:0] pixel_q;
  logic [RowBits-1:0] row_q;
  logic beat_first, beat_last, pixel_last, row_last, read;
  logic signed [DistBits-1:0] step, given_up;

  assign beat_first = beat_q == '0;
  assign beat_last = beat_q == BeatBits'(SEGMENT - 1);
  assign pixel_last = pixel_q == PixelBits'(W - 1);
  assign row_last = row_q == RowBits'(BLOCK - 1);

  always_comb begin
    step = DistBits'(1);
    if (beat_last && !pixel_last) step = DistBits'(int'(OTHERS) + 1);
    else if (beat_last && !row_last) step = DistBits'(1 - int'((W - 1) * BLOCK * SEGMENT));
    // Only the last row is through with anything: at its first beat with all of the pixel before it.
    given_up = '0;
    if (row_last) given_up = beat_first ? DistBits'(OTHERS + 1) : DistBits'(1);
  end

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      beat_q  <= '0;
      pixel_q <= '0;
      row_q   <= '0;
    end else if (read) begin
      beat_q <= beat_last ? '0 : beat_q + 1'b1;
      if (beat_last) pixel_q <= pixel_last ? '0 : pixel_q + 1'b1;
      if (beat_last && pixel_last) row_q <= row_last ? '0 : row_q + 1'b1;
    end
  end

  ringbuffer #(
      .WIDTH(WIDTH), .DEPTH(DEPTH)
  ) i_ringbuffer (
      .clk, .rst_n, .s_axis_tdata, .s_axis_tvalid, .s_axis_tready, .m_axis_tdata, .m_axis_tvalid, .m_axis_tready,
      .read, .step, .given_up
  );

endmodule

`default_nettype wire
