// fmpadding_pixel: zeros between the pixels of a map (the input side of a transposed convolution).
//
// Function  (H, W) pixels of FOLDS beats become ((H-1)*SH + 1, (W-1)*SW + 1) pixels: input pixel (h, w) is the output
//           pixel (h*SH, w*SW), the others are zero.
// Latency   1 cycle; one output beat per cycle. Every map begins with a beat of its own.
`default_nettype none

module fmpadding_pixel #(
    parameter int unsigned WIDTH,  // bits of a beat
    parameter int unsigned FOLDS,  // beats of a pixel
    parameter int unsigned H,      // rows of the input
    parameter int unsigned W,      // columns of the input
    parameter int unsigned SH,     // output rows from one input row to the next
    parameter int unsigned SW      // output columns from one input column to the next
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

  if (WIDTH < 1 || FOLDS < 1 || H < 1 || W < 1)
    $fatal(1, "fmpadding_pixel: WIDTH, FOLDS, H and W must be at least 1");
  if (SH < 1 || SW < 1) $fatal(1, "fmpadding_pixel: SH and SW must be at least 1");

  localparam int unsigned FoldBits = FOLDS > 1 ? $clog2(FOLDS) : 1;
  localparam int unsigned ColBits = W > 1 ? $clog2(W) : 1;
  localparam int unsigned RowBits = H > 1 ? $clog2(H) : 1;
  localparam int unsigned ColPhaseBits = SW > 1 ? $clog2(SW) : 1;
  localparam int unsigned RowPhaseBits = SH > 1 ? $clog2(SH) : 1;

  // col_q, row_q: the input pixel at or before this one; the phases count the output pixels since.
  logic [FoldBits-1:0] fold_q;
  logic [ColBits-1:0] col_q;
  logic [RowBits-1:0] row_q;
  logic [ColPhaseBits-1:0] col_phase_q;
  logic [RowPhaseBits-1:0] row_phase_q;
  logic fold_last, col_last, row_last, row_end, from_map, enable, step, valid_q;
  logic [WIDTH-1:0] data_q;

  assign fold_last = fold_q == FoldBits'(FOLDS - 1);
  assign col_last = col_q == ColBits'(W - 1);
  assign row_last = row_q == RowBits'(H - 1);
  assign row_end = fold_last && col_last;
  assign from_map = col_phase_q == '0 && row_phase_q == '0;

  assign enable = !valid_q || m_axis_tready;
  assign step = enable && (s_axis_tvalid || !from_map);
  assign s_axis_tready = enable && from_map;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      valid_q <= 1'b0;
      fold_q <= '0;
      col_q <= '0;
      row_q <= '0;
      col_phase_q <= '0;
      row_phase_q <= '0;
    end else begin
      if (enable) valid_q <= step;
      if (step) begin
        fold_q <= fold_last ? '0 : fold_q + 1'b1;
        // The last column and the last row of the input are those of the output: no zeros follow.
        if (row_end) begin
          col_q <= '0;
          col_phase_q <= '0;
        end else if (fold_last) begin
          col_phase_q <= col_phase_q == ColPhaseBits'(SW - 1) ? '0 : col_phase_q + 1'b1;
          if (col_phase_q == ColPhaseBits'(SW - 1)) col_q <= col_q + 1'b1;
        end
        if (row_end && row_last) begin
          row_q <= '0;
          row_phase_q <= '0;
        end else if (row_end) begin
          row_phase_q <= row_phase_q == RowPhaseBits'(SH - 1) ? '0 : row_phase_q + 1'b1;
          if (row_phase_q == RowPhaseBits'(SH - 1)) row_q <= row_q + 1'b1;
        end
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
