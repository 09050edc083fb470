// globalaccpool: sum of every channel over the whole map (global average pooling without its division).
//
// Function  out[c] = sum over PIXELS pixels of in[pixel][c], modulo 2**OUT_BITS: exact where OUT_BITS hold the sum.
// Layout    A pixel is FOLDS beats of PE lanes, lane 0 in the least significant bits; so is the result.
// Memory    acc[f]: the sums of beat f of the pixels so far; read and written in one cycle.
// Latency   1 cycle after a beat of the last pixel; one input beat per cycle. Only that pixel waits for the output.
`default_nettype none

(* use_dsp = "no" *)
module globalaccpool #(
    parameter int unsigned PE,         // lanes
    parameter int unsigned FOLDS,      // beats of a pixel
    parameter int unsigned PIXELS,     // of a map
    parameter int unsigned IN_BITS,    // bits of a lane
    parameter bit          IN_SIGNED,  // lanes are two's complement
    parameter int unsigned OUT_BITS    // bits of a sum
) (
    input  wire logic                   clk,
    input  wire logic                   rst_n,
    input  wire logic [ PE*IN_BITS-1:0] s_axis_tdata,
    input  wire logic                   s_axis_tvalid,
    output      logic                   s_axis_tready,
    output      logic [PE*OUT_BITS-1:0] m_axis_tdata,
    output      logic                   m_axis_tvalid,
    input  wire logic                   m_axis_tready
);

  if (PE < 1 || FOLDS < 1 || PIXELS < 1) $fatal(1, "globalaccpool: PE, FOLDS and PIXELS must be at least 1");
  if (IN_BITS < 1 || OUT_BITS < 1) $fatal(1, "globalaccpool: IN_BITS and OUT_BITS must be at least 1");

  localparam int unsigned FoldBits = FOLDS > 1 ? $clog2(FOLDS) : 1;
  localparam int unsigned PixelBits = PIXELS > 1 ? $clog2(PIXELS) : 1;

  logic [FoldBits-1:0] fold_q;
  logic [PixelBits-1:0] pixel_q;
  logic first, last, enable, push, valid_q;
  logic [PE*OUT_BITS-1:0] acc[FOLDS];
  logic [PE*OUT_BITS-1:0] so_far, sum, sum_q;

  assign first = pixel_q == '0;
  assign last = pixel_q == PixelBits'(PIXELS - 1);
  assign enable = !valid_q || m_axis_tready;
  assign s_axis_tready = enable || !last;
  assign push = s_axis_tvalid && s_axis_tready;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      valid_q <= 1'b0;
      fold_q  <= '0;
      pixel_q <= '0;
    end else begin
      if (enable) valid_q <= push && last;
      if (push) begin
        fold_q <= fold_q == FoldBits'(FOLDS - 1) ? '0 : fold_q + 1'b1;
        if (fold_q == FoldBits'(FOLDS - 1)) pixel_q <= last ? '0 : pixel_q + 1'b1;
      end
    end
  end

  assign so_far = acc[fold_q];
  for (genvar p = 0; p < PE; p++) begin : g_lane
    logic [IN_BITS-1:0] value;
    assign value = s_axis_tdata[p*IN_BITS+:IN_BITS];
    assign sum[p*OUT_BITS+:OUT_BITS] = OUT_BITS'($signed({IN_SIGNED & value[IN_BITS-1], value}))
                                     + (first ? '0 : so_far[p*OUT_BITS+:OUT_BITS]);
  end
  always_ff @(posedge clk) begin
    if (push) acc[fold_q] <= sum;
    if (push && last) sum_q <= sum;
  end

  assign m_axis_tdata  = sum_q;
  assign m_axis_tvalid = valid_q;

  // Of inputs wider than the sum the upper bits do not matter.
  logic unused;
  assign unused = &{1'b0, s_axis_tdata};

endmodule

`default_nettype wire
