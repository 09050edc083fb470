// fmpadding: surrounds every feature map with zeros.
//
// Function  (H, W) pixels of FOLDS beats become (PAD_T+H+PAD_B, PAD_L+W+PAD_R) pixels, the new ones zero.
// Latency   1 cycle; one output beat per cycle. A map begins (its leading zeros included) only when the first input
//           beat of the map waits at s_axis, so that nothing of a frame comes out before the frame is there.
`default_nettype none

module fmpadding #(
    parameter int unsigned WIDTH,  // bits of a beat
    parameter int unsigned FOLDS,  // beats of a pixel
    parameter int unsigned H,      // rows of the input
    parameter int unsigned W,      // columns of the input
    parameter int unsigned PAD_T,  // rows of zeros above
    parameter int unsigned PAD_L,  // columns of zeros at the left
    parameter int unsigned PAD_B,  // rows of zeros below
    parameter int unsigned PAD_R   // columns of zeros at the right
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

  if (WIDTH < 1 || FOLDS < 1 || H < 1 || W < 1) $fatal(1, "fmpadding: WIDTH, FOLDS, H and W must be at least 1");

  localparam int unsigned ROWS = PAD_T + H + PAD_B;
  localparam int unsigned COLS = PAD_L + W + PAD_R;
  localparam int unsigned FOLD_BITS = FOLDS > 1 ? $clog2(FOLDS) : 1;
  localparam int unsigned COL_BITS = COLS > 1 ? $clog2(COLS) : 1;
  localparam int unsigned ROW_BITS = ROWS > 1 ? $clog2(ROWS) : 1;

  logic [FOLD_BITS-1:0] fold_q;
  logic [ COL_BITS-1:0] col_q;
  logic [ ROW_BITS-1:0] row_q;
  logic fold_last, col_last, row_last;
  logic map_row, map_col, first, from_map, enable, step;
  logic valid_q;
  logic [WIDTH-1:0] data_q;

  assign fold_last = fold_q == FOLD_BITS'(FOLDS - 1);
  assign col_last = col_q == COL_BITS'(COLS - 1);
  assign row_last = row_q == ROW_BITS'(ROWS - 1);

  // One compare at each end; a side without padding needs none.
  logic below_top, above_bottom, right_of_left, left_of_right;
  if (PAD_T > 0) assign below_top = row_q >= ROW_BITS'(PAD_T);
  else assign below_top = 1'b1;
  if (PAD_B > 0) assign above_bottom = row_q < ROW_BITS'(PAD_T + H);
  else assign above_bottom = 1'b1;
  if (PAD_L > 0) assign right_of_left = col_q >= COL_BITS'(PAD_L);
  else assign right_of_left = 1'b1;
  if (PAD_R > 0) assign left_of_right = col_q < COL_BITS'(PAD_L + W);
  else assign left_of_right = 1'b1;

  assign map_row = below_top && above_bottom;
  assign map_col = right_of_left && left_of_right;
  assign from_map = map_row && map_col;
  assign first = fold_q == '0 && col_q == '0 && row_q == '0;

  assign enable = !valid_q || m_axis_tready;
  assign step = enable && (s_axis_tvalid || !(from_map || first));
  assign s_axis_tready = enable && from_map;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      valid_q <= 1'b0;
      fold_q  <= '0;
      col_q   <= '0;
      row_q   <= '0;
    end else begin
      if (enable) valid_q <= step;
      if (step) begin
        fold_q <= fold_last ? '0 : fold_q + 1'b1;
        if (fold_last) col_q <= col_last ? '0 : col_q + 1'b1;
        if (fold_last && col_last) row_q <= row_last ? '0 : row_q + 1'b1;
      end
    end
  end
  always_ff @(posedge clk) begin
    if (step) data_q <= from_map ? s_axis_tdata : '0;
  end

  assign m_axis_tdata  = data_q;
  assign m_axis_tvalid = valid_q;

endmodule

`default_nettype wire
