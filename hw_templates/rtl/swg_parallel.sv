// swg_parallel: sliding-window generator that gives a whole window in one beat.
//
// Function  For every output pixel (oh, ow), row by row, and every fold f of channels one beat with the KH x KW pixels
//           (oh*SH + kh*DH, ow*SW + kw*DW) of that fold. Beat order [oh][ow][f].
// Layout    Pixel (kh, kw) in the WIDTH bits from (kh*KW + kw)*WIDTH on.
// Memory    A chain of delays from the newest pixel of a window to its oldest: KW - 1 of DW pixels in each of KH rows,
//           and KH - 1 line buffers between the rows, of what is left of DH rows. All delays of a kind are one memory,
//           words side by side, so that line buffers share block RAMs. In all just the beats that a window spans.
// Latency   1 cycle from the last input beat of a window to its output. One input beat per cycle: frame interval
//           H*W*FOLDS. Everything stands still while a valid output beat is not taken.
`default_nettype none

module swg_parallel #(
    parameter int unsigned WIDTH,     // bits of an input beat
    parameter int unsigned FOLDS,     // beats of a pixel
    parameter int unsigned H,         // rows of the input
    parameter int unsigned W,         // columns of the input
    parameter int unsigned KH,        // rows of the window
    parameter int unsigned KW,        // columns of the window
    parameter int unsigned SH,        // stride over rows
    parameter int unsigned SW,        // stride over columns
    parameter int unsigned DH,        // dilation of rows
    parameter int unsigned DW,        // dilation of columns
    parameter string       RAM_STYLE  // of the line buffers: "auto", "distributed" or "block"
) (
    input  wire logic                   clk,
    input  wire logic                   rst_n,
    input  wire logic [      WIDTH-1:0] s_axis_tdata,
    input  wire logic                   s_axis_tvalid,
    output      logic                   s_axis_tready,
    output      logic [KH*KW*WIDTH-1:0] m_axis_tdata,
    output      logic                   m_axis_tvalid,
    input  wire logic                   m_axis_tready
);

  localparam int unsigned SPAN_H = (KH - 1) * DH + 1;
  localparam int unsigned SPAN_W = (KW - 1) * DW + 1;

  if (WIDTH < 1 || FOLDS < 1 || H < 1 || W < 1) $fatal(1, "swg_parallel: WIDTH, FOLDS, H and W must be at least 1");
  if (KH < 1 || KW < 1 || SH < 1 || SW < 1 || DH < 1 || DW < 1)
    $fatal(1, "swg_parallel: KH, KW, SH, SW, DH and DW must be at least 1");
  if (SPAN_H > H || SPAN_W > W) $fatal(1, "swg_parallel: the window (KH, KW, DH, DW) is larger than the map (H, W)");
  if (RAM_STYLE != "auto" && RAM_STYLE != "distributed" && RAM_STYLE != "block")
    $fatal(1, "swg_parallel: RAM_STYLE must be auto, distributed or block");

  function automatic int unsigned count_bits(input int unsigned values);
    return values > 1 ? $clog2(values) : 1;
  endfunction
  localparam int unsigned FOLD_BITS = count_bits(FOLDS);
  localparam int unsigned ROW_BITS = count_bits(H);
  localparam int unsigned COL_BITS = count_bits(W);
  localparam int unsigned ROW_WAIT_BITS = count_bits(SPAN_H > SH ? SPAN_H : SH);
  localparam int unsigned COL_WAIT_BITS = count_bits(SPAN_W > SW ? SPAN_W : SW);

  logic valid_q, shift;
  assign s_axis_tready = !valid_q || m_axis_tready;
  assign shift = s_axis_tvalid && s_axis_tready;

  // Where the incoming beat is, and how many rows and columns there are until the next that ends a window.
  logic [FOLD_BITS-1:0] fold_q;
  logic [ROW_BITS-1:0] row_q;
  logic [COL_BITS-1:0] col_q;
  logic [ROW_WAIT_BITS-1:0] row_wait_q;
  logic [COL_WAIT_BITS-1:0] col_wait_q;
  logic fold_last, row_last, col_last;
  assign fold_last = fold_q == FOLD_BITS'(FOLDS - 1);
  assign row_last = row_q == ROW_BITS'(H - 1);
  assign col_last = col_q == COL_BITS'(W - 1);

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      valid_q <= 1'b0;
      fold_q <= '0;
      row_q <= '0;
      col_q <= '0;
      row_wait_q <= ROW_WAIT_BITS'(SPAN_H - 1);
      col_wait_q <= COL_WAIT_BITS'(SPAN_W - 1);
    end else begin
      if (s_axis_tready) valid_q <= shift && row_wait_q == '0 && col_wait_q == '0;
      if (shift) fold_q <= fold_last ? '0 : fold_q + 1'b1;
      if (shift && fold_last) begin
        col_q <= col_last ? '0 : col_q + 1'b1;
        if (col_last) col_wait_q <= COL_WAIT_BITS'(SPAN_W - 1);
        else col_wait_q <= col_wait_q == '0 ? COL_WAIT_BITS'(SW - 1) : col_wait_q - 1'b1;
        if (col_last) begin
          row_q <= row_last ? '0 : row_q + 1'b1;
          if (row_last) row_wait_q <= ROW_WAIT_BITS'(SPAN_H - 1);
          else row_wait_q <= row_wait_q == '0 ? ROW_WAIT_BITS'(SH - 1) : row_wait_q - 1'b1;
        end
      end
    end
  end

  // tap[i][j] is i*DH rows and j*DW columns older than the newest pixel.
  logic [KH-1:0][KW-1:0][WIDTH-1:0] tap;

  delayline #(
      .WIDTH(WIDTH), .LENGTH(1), .RAM_STYLE("auto")
  ) i_newest (
      .clk, .rst_n, .shift, .d(s_axis_tdata), .q(tap[0][0])
  );

  if (KW > 1) begin : g_columns
    logic [KH-1:0][KW-2:0][WIDTH-1:0] young, old;
    for (genvar i = 0; i < KH; i++) begin : g_row
      assign young[i] = tap[i][KW-2:0];
      assign tap[i][KW-1:1] = old[i];
    end
    delayline #(
        .WIDTH(KH * (KW - 1) * WIDTH), .LENGTH(DW * FOLDS), .RAM_STYLE("auto")
    ) i_columns (
        .clk, .rst_n, .shift, .d(young), .q(old)
    );
  end

  if (KH > 1) begin : g_rows
    logic [KH-2:0][WIDTH-1:0] young, old;
    for (genvar i = 0; i < KH - 1; i++) begin : g_row
      assign young[i] = tap[i][KW-1];
      assign tap[i+1][0] = old[i];
    end
    delayline #(
        .WIDTH((KH - 1) * WIDTH), .LENGTH((DH * W - (KW - 1) * DW) * FOLDS), .RAM_STYLE(RAM_STYLE)
    ) i_lines (
        .clk, .rst_n, .shift, .d(young), .q(old)
    );
  end

  for (genvar kh = 0; kh < KH; kh++) begin : g_kh
    for (genvar kw = 0; kw < KW; kw++) begin : g_kw
      assign m_axis_tdata[(kh*KW+kw)*WIDTH+:WIDTH] = tap[KH-1-kh][KW-1-kw];
    end
  end
  assign m_axis_tvalid = valid_q;

endmodule

`default_nettype wire
