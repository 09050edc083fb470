// swg: sliding-window generator (convolution input generator) on a ring of DEPTH beats.
//
// Function  For every output pixel (oh, ow), row by row, the KH x KW window of input pixels
//           (oh*SH + kh*DH, ow*SW + kw*DW). Beat order [oh][ow][kh][kw][fold], or DEPTHWISE [oh][ow][fold][kh][kw].
//           Rows and columns that no window reaches (stride remainders) are taken and dropped.
// Memory    ring[i mod DEPTH] holds beat i of the stream, frames back to back; a window is given up as a whole when
//           its last beat is read. Writing runs ahead into the next frame as far as DEPTH allows.
//           Positions in the stream are counted modulo a power of two beyond any distance between them. Where DEPTH is a
//           power of two, their low bits are the addresses, which otherwise need counters of their own.
// Latency   2 cycles from the last input beat that a window beat needs. Frame interval: max(H*W*FOLDS, output beats),
//           given the DEPTH that flows/kernels/swg.py computes.
`default_nettype none

module swg #(
    parameter int unsigned WIDTH,      // bits of a beat
    parameter int unsigned FOLDS,      // beats of a pixel
    parameter int unsigned H,          // rows of the input
    parameter int unsigned W,          // columns of the input
    parameter int unsigned KH,         // rows of the window
    parameter int unsigned KW,         // columns of the window
    parameter int unsigned SH,         // stride over rows
    parameter int unsigned SW,         // stride over columns
    parameter int unsigned DH,         // dilation of rows
    parameter int unsigned DW,         // dilation of columns
    parameter bit          DEPTHWISE,  // fold outside of the window instead of inside
    parameter int unsigned DEPTH,      // beats of the ring, at least those from a window's first to its last
    parameter string       RAM_STYLE   // "auto", "distributed" or "block"
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

  localparam int unsigned SPAN_H = (KH - 1) * DH + 1;
  localparam int unsigned SPAN_W = (KW - 1) * DW + 1;
  localparam int unsigned OH = SPAN_H <= H && SH > 0 ? (H - SPAN_H) / SH + 1 : 1;
  localparam int unsigned OW = SPAN_W <= W && SW > 0 ? (W - SPAN_W) / SW + 1 : 1;

  if (WIDTH < 1 || FOLDS < 1 || H < 1 || W < 1) $fatal(1, "swg: WIDTH, FOLDS, H and W must be at least 1");
  if (KH < 1 || KW < 1 || SH < 1 || SW < 1 || DH < 1 || DW < 1)
    $fatal(1, "swg: KH, KW, SH, SW, DH and DW must be at least 1");
  if (SPAN_H > H || SPAN_W > W) $fatal(1, "swg: the window (KH, KW, DH, DW) is larger than the map (H, W)");
  if (RAM_STYLE != "auto" && RAM_STYLE != "distributed" && RAM_STYLE != "block")
    $fatal(1, "swg: RAM_STYLE must be auto, distributed or block");

  // Distances in the stream, in beats. FAR: from the first beat of a window's first pixel to that of its last.
  localparam int FAR = int'(((KH - 1) * DH * W + (KW - 1) * DW) * FOLDS);
  localparam int LAST = int'(FOLDS) - 1;
  localparam int NEXT_COL = int'(SW * FOLDS);
  localparam int NEXT_ROW = int'(SH * W * FOLDS) - int'((OW - 1) * SW * FOLDS);
  localparam int NEXT_MAP = int'((H - (OH - 1) * SH) * W * FOLDS) - int'((OW - 1) * SW * FOLDS);

  if (int'(DEPTH) < FAR + LAST + 1) $fatal(1, "swg: DEPTH must hold a window, from its first beat to its last");

  // How far the read position moves, by the outermost loop that takes a step: fold, kw, kh inside of the window, then to
  // the first beat of the next.
  localparam int STEP_FOLD = DEPTHWISE ? 1 - FAR : 1;
  localparam int STEP_KW = int'(DW * FOLDS) - (DEPTHWISE ? 0 : LAST);
  localparam int STEP_KH = int'(DH * W * FOLDS) - int'((KW - 1) * DW * FOLDS) - (DEPTHWISE ? 0 : LAST);
  localparam int STEP_OW = NEXT_COL - FAR - LAST;
  localparam int STEP_OH = NEXT_ROW - FAR - LAST;
  localparam int STEP_MAP = NEXT_MAP - FAR - LAST;

  localparam int unsigned FOLD_BITS = FOLDS > 1 ? $clog2(FOLDS) : 1;
  localparam int unsigned KW_BITS = KW > 1 ? $clog2(KW) : 1;
  localparam int unsigned KH_BITS = KH > 1 ? $clog2(KH) : 1;
  localparam int unsigned OW_BITS = OW > 1 ? $clog2(OW) : 1;
  localparam int unsigned OH_BITS = OH > 1 ? $clog2(OH) : 1;
  localparam int unsigned ADDR_BITS = DEPTH > 1 ? $clog2(DEPTH) : 1;

  function automatic int unsigned larger(input int unsigned a, input int unsigned b);
    return a > b ? a : b;
  endfunction
  // Between positions; distances run from -(the longest step) to DEPTH.
  localparam int unsigned LONGEST = larger(larger(NEXT_COL, NEXT_ROW), larger(NEXT_MAP, int'(DH * W * FOLDS)));
  localparam int unsigned DIST_BITS = $clog2(larger(DEPTH, LONGEST) + 1) + 1;

  logic [FOLD_BITS-1:0] fold_q;
  logic [  KW_BITS-1:0] kw_q;
  logic [  KH_BITS-1:0] kh_q;
  logic [  OW_BITS-1:0] ow_q;
  logic [  OH_BITS-1:0] oh_q;
  logic fold_last, kw_last, kh_last, ow_last, oh_last;
  logic fold_step, kw_step, kh_step, window_last;

  assign fold_last = fold_q == FOLD_BITS'(FOLDS - 1);
  assign kw_last = kw_q == KW_BITS'(KW - 1);
  assign kh_last = kh_q == KH_BITS'(KH - 1);
  assign ow_last = ow_q == OW_BITS'(OW - 1);
  assign oh_last = oh_q == OH_BITS'(OH - 1);
  assign window_last = fold_last && kw_last && kh_last;
  // The inner loop always steps, each other one when those inside of it end.
  assign fold_step = !DEPTHWISE || (kw_last && kh_last);
  assign kw_step = DEPTHWISE || fold_last;
  assign kh_step = kw_step && kw_last;

  // Positions: of the next beat to come in, of the next to go out, of the window's first. A beat that a window begins
  // with may be yet to come.
  logic [DIST_BITS-1:0] written_q, read_q, first_q, step, next, lag;
  logic write, read, full;
  logic [ADDR_BITS-1:0] write_at, read_at;

  always_comb begin
    if (window_last) step = oh_last && ow_last ? DIST_BITS'(STEP_MAP) : ow_last ? DIST_BITS'(STEP_OH) : DIST_BITS'(STEP_OW);
    else if (DEPTHWISE ? !kw_last : !fold_last) step = DEPTHWISE ? DIST_BITS'(STEP_KW) : DIST_BITS'(STEP_FOLD);
    else if (DEPTHWISE ? !kh_last : !kw_last) step = DEPTHWISE ? DIST_BITS'(STEP_KH) : DIST_BITS'(STEP_KW);
    else step = DEPTHWISE ? DIST_BITS'(STEP_FOLD) : DIST_BITS'(STEP_KH);
  end
  assign next = read_q + step;

  logic valid_q;
  assign lag = read_q - written_q;
  assign s_axis_tready = !full;
  assign write = s_axis_tvalid && s_axis_tready;
  assign read = lag[DIST_BITS-1] && (!valid_q || m_axis_tready);

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      valid_q   <= 1'b0;
      written_q <= '0;
      read_q    <= '0;
      first_q   <= '0;
      fold_q    <= '0;
      kw_q      <= '0;
      kh_q      <= '0;
      ow_q      <= '0;
      oh_q      <= '0;
    end else begin
      if (!valid_q || m_axis_tready) valid_q <= read;
      if (write) written_q <= written_q + 1'b1;
      if (read) begin
        read_q <= next;
        if (window_last) first_q <= next;
        if (fold_step) fold_q <= fold_last ? '0 : fold_q + 1'b1;
        if (kw_step) kw_q <= kw_last ? '0 : kw_q + 1'b1;
        if (kh_step) kh_q <= kh_last ? '0 : kh_q + 1'b1;
        if (window_last) ow_q <= ow_last ? '0 : ow_q + 1'b1;
        if (window_last && ow_last) oh_q <= oh_last ? '0 : oh_q + 1'b1;
      end
    end
  end

  if (DEPTH > 1 && 2 ** ADDR_BITS == DEPTH) begin : g_power
    assign full = written_q[ADDR_BITS-1:0] == first_q[ADDR_BITS-1:0]
        && written_q[DIST_BITS-1:ADDR_BITS] == first_q[DIST_BITS-1:ADDR_BITS] + 1'b1;
    assign write_at = written_q[ADDR_BITS-1:0];
    assign read_at = read_q[ADDR_BITS-1:0];
  end else begin : g_wrap
    // A step around the ring, in [0, DEPTH).
    function automatic logic [ADDR_BITS-1:0] around(input int step_of);
      return ADDR_BITS'(((step_of % int'(DEPTH)) + int'(DEPTH)) % int'(DEPTH));
    endfunction

    logic [ADDR_BITS-1:0] write_at_q, read_at_q, ring_step;
    logic [ADDR_BITS:0] sum;
    always_comb begin
      if (window_last) ring_step = oh_last && ow_last ? around(STEP_MAP) : ow_last ? around(STEP_OH) : around(STEP_OW);
      else if (DEPTHWISE ? !kw_last : !fold_last) ring_step = DEPTHWISE ? around(STEP_KW) : around(STEP_FOLD);
      else if (DEPTHWISE ? !kh_last : !kw_last) ring_step = DEPTHWISE ? around(STEP_KH) : around(STEP_KW);
      else ring_step = DEPTHWISE ? around(STEP_FOLD) : around(STEP_KH);
    end
    assign sum = {1'b0, read_at_q} + {1'b0, ring_step};
    always_ff @(posedge clk) begin
      if (!rst_n) begin
        write_at_q <= '0;
        read_at_q  <= '0;
      end else begin
        if (write) write_at_q <= write_at_q == ADDR_BITS'(DEPTH - 1) ? '0 : write_at_q + 1'b1;
        if (read) read_at_q <= sum >= (ADDR_BITS + 1)'(DEPTH) ? ADDR_BITS'(sum - (ADDR_BITS + 1)'(DEPTH)) : sum[ADDR_BITS-1:0];
      end
    end
    assign full = written_q - first_q == DIST_BITS'(DEPTH);
    assign write_at = write_at_q;
    assign read_at = read_at_q;
  end

  (* ram_style = RAM_STYLE *)
  logic [WIDTH-1:0] ring[DEPTH];
  logic [WIDTH-1:0] data_q;

  always_ff @(posedge clk) begin
    if (write) ring[write_at] <= s_axis_tdata;
  end
  always_ff @(posedge clk) begin
    if (read) data_q <= ring[read_at];
  end

  assign m_axis_tdata  = data_q;
  assign m_axis_tvalid = valid_q;

endmodule

`default_nettype wire
