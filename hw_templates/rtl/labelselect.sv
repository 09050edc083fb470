// labelselect: index of the largest of CLASSES values, the lowest index where several are largest (argmax).
//
// Function  index = min { c : x[c] = max x }; x: INPUT_BITS, signed or unsigned; index: INDEX_BITS, unsigned
// Folding   CLASSES/PE beats a frame: lane p of beat f is class f*PE + p. One output beat a frame.
// Method    A balanced tree finds the largest lane of a beat; behind a register it is compared with the largest so far.
// Timing    CLASSES/PE cycles a frame, none between frames; the result comes 2 cycles after the frame's last beat.
//           Everything stands still while a valid output beat is not taken.
`default_nettype none

module labelselect #(
    parameter int unsigned CLASSES,
    parameter int unsigned PE,
    parameter int unsigned INPUT_BITS,
    parameter bit          INPUT_SIGNED,
    parameter int unsigned INDEX_BITS
) (
    input  wire logic                     clk,
    input  wire logic                     rst_n,
    input  wire logic [PE*INPUT_BITS-1:0] s_axis_tdata,
    input  wire logic                     s_axis_tvalid,
    output      logic                     s_axis_tready,
    output      logic [   INDEX_BITS-1:0] m_axis_tdata,
    output      logic                     m_axis_tvalid,
    input  wire logic                     m_axis_tready
);
  if (CLASSES < 1 || PE < 1 || CLASSES % PE != 0) $fatal(1, "labelselect: PE must divide CLASSES");
  if (INPUT_BITS < 1) $fatal(1, "labelselect: INPUT_BITS must be at least 1");
  if (INDEX_BITS < 1 || INDEX_BITS > 31 || 1 << INDEX_BITS < CLASSES)
    $fatal(1, "labelselect: INDEX_BITS must hold CLASSES - 1");

  localparam int unsigned Folds = CLASSES / PE;
  localparam int unsigned Levels = $clog2(PE);
  localparam logic [INPUT_BITS-1:0] Offset = INPUT_BITS'(INPUT_SIGNED) << (INPUT_BITS - 1);

  logic en;
  assign en = !m_axis_tvalid || m_axis_tready;
  assign s_axis_tready = en;

  // value[l][k], lane[l][k]: the largest of the lanes k * 2**l ... (k + 1) * 2**l - 1, and which one it is. Values are
  // compared unsigned: of signed ones the sign is inverted.
  logic [INPUT_BITS-1:0] value[Levels+1][PE]  /* verilator split_var */;
  logic [INDEX_BITS-1:0] lane[Levels+1][PE]  /* verilator split_var */;

  for (genvar l = 0; l <= Levels; l++) begin : g_level
    for (genvar k = 0; k << l < PE; k++) begin : g_node
      if (l == 0) begin : g_input
        assign value[0][k] = s_axis_tdata[k*INPUT_BITS+:INPUT_BITS] ^ Offset;
        assign lane[0][k] = INDEX_BITS'(k);
      end else if (((2 * k + 1) << l) / 2 < PE) begin : g_larger
        logic right;
        assign right = value[l-1][2*k+1] > value[l-1][2*k];
        assign value[l][k] = right ? value[l-1][2*k+1] : value[l-1][2*k];
        assign lane[l][k] = right ? lane[l-1][2*k+1] : lane[l-1][2*k];
      end else begin : g_pass
        assign value[l][k] = value[l-1][2*k];
        assign lane[l][k] = lane[l-1][2*k];
      end
    end
  end

  // The largest lane of a beat, then the largest so far.
  logic [INPUT_BITS-1:0] value_q, best_value_q;
  logic [INDEX_BITS-1:0] lane_q, base_q, best_index_q;  // base_q: class of lane 0 of the beat
  logic valid_q, m_valid_q, first, last;

  assign first = base_q == '0;
  assign last = base_q == INDEX_BITS'(CLASSES - PE);

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      valid_q <= 1'b0;
      m_valid_q <= 1'b0;
      base_q <= '0;
    end else if (en) begin
      valid_q <= s_axis_tvalid;
      m_valid_q <= valid_q && last;
      if (valid_q && Folds > 1) base_q <= last ? '0 : base_q + INDEX_BITS'(PE);
    end
  end

  always_ff @(posedge clk) begin
    if (en) begin
      value_q <= value[Levels][0];
      lane_q <= lane[Levels][0];
    end
    if (en && valid_q && (first || value_q > best_value_q)) begin
      best_value_q <= value_q;
      best_index_q <= base_q + lane_q;
    end
  end

  assign m_axis_tvalid = m_valid_q;
  assign m_axis_tdata = best_index_q;
endmodule

`default_nettype wire
