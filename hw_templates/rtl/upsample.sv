// upsample: nearest-neighbour upsampling.
//
// Function  Every pixel of a row comes COLUMNS times in a row, and every such row ROWS times.
// Memory    A ring of one row (ROWS = 1: of one pixel). A pixel is given up beat by beat when it is read for the last
//           time, so that the next row comes in while the last copy of this one goes out.
// Latency   2 cycles; one output beat per cycle, without a gap between rows or maps.
`default_nettype none

module upsample #(
    parameter int unsigned WIDTH,   // bits of a beat
    parameter int unsigned FOLDS,   // beats of a pixel
    parameter int unsigned W,       // pixels of an input row
    parameter int unsigned ROWS,    // times that a row comes
    parameter int unsigned COLUMNS  // times that a pixel comes in it
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

  if (WIDTH < 1 || FOLDS < 1 || W < 1) $fatal(1, "upsample: WIDTH, FOLDS and W must be at least 1");
  if (ROWS < 1 || COLUMNS < 1) $fatal(1, "upsample: ROWS and COLUMNS must be at least 1");

  localparam int unsigned KEPT = ROWS > 1 ? W * FOLDS : FOLDS;
  // With a single beat, the next one would only come in after this one's last copy.
  localparam int unsigned DEPTH = KEPT > 1 ? KEPT : 2;
  localparam int unsigned DistBits = $clog2(2 * DEPTH) + 1;
  localparam int unsigned FoldBits = FOLDS > 1 ? $clog2(FOLDS) : 1;
  localparam int unsigned ColumnBits = COLUMNS > 1 ? $clog2(COLUMNS) : 1;
  localparam int unsigned PixelBits = W > 1 ? $clog2(W) : 1;
  localparam int unsigned RowBits = ROWS > 1 ? $clog2(ROWS) : 1;

  logic [FoldBits-1:0] fold_q;
  logic [ColumnBits-1:0] column_q;
  logic [PixelBits-1:0] pixel_q;
  logic [RowBits-1:0] row_q;
  logic fold_last, column_last, pixel_last, row_last, read;
  logic signed [DistBits-1:0] step, given_up;

  assign fold_last = fold_q == FoldBits'(FOLDS - 1);
  assign column_last = column_q == ColumnBits'(COLUMNS - 1);
  assign pixel_last = pixel_q == PixelBits'(W - 1);
  assign row_last = row_q == RowBits'(ROWS - 1);

  always_comb begin
    step = DistBits'(1);
    if (fold_last && !column_last) step = DistBits'(1 - int'(FOLDS));
    else if (fold_last && pixel_last && !row_last) step = DistBits'(1 - int'(W * FOLDS));
  end
  assign given_up = DistBits'({1'b0, column_last && row_last});

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      fold_q   <= '0;
      column_q <= '0;
      pixel_q  <= '0;
      row_q    <= '0;
    end else if (read) begin
      fold_q <= fold_last ? '0 : fold_q + 1'b1;
      if (fold_last) column_q <= column_last ? '0 : column_q + 1'b1;
      if (fold_last && column_last) pixel_q <= pixel_last ? '0 : pixel_q + 1'b1;
      if (fold_last && column_last && pixel_last) row_q <= row_last ? '0 : row_q + 1'b1;
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
