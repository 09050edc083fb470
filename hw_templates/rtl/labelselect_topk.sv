// labelselect_topk: indices of the K largest of CLASSES values, the largest first, of equal ones the lowest index first.
//
// Function  x: one value a beat, INPUT_BITS, signed or unsigned; K output beats a frame: INDEX_BITS, unsigned.
// Method    A sorted list of K values, into which every value is inserted in one cycle: what is smaller moves down by
//           one. With a frame's last beat the indices are copied to a shift register, which goes out while the next
//           frame comes in.
// Timing    CLASSES cycles a frame, none between frames; the first index comes 1 cycle after the frame's last beat.
`default_nettype none

module labelselect_topk #(
    parameter int unsigned CLASSES,
    parameter int unsigned K,
    parameter int unsigned INPUT_BITS,
    parameter bit          INPUT_SIGNED,
    parameter int unsigned INDEX_BITS
) (
    input  wire logic                  clk,
    input  wire logic                  rst_n,
    input  wire logic [INPUT_BITS-1:0] s_axis_tdata,
    input  wire logic                  s_axis_tvalid,
    output      logic                  s_axis_tready,
    output      logic [INDEX_BITS-1:0] m_axis_tdata,
    output      logic                  m_axis_tvalid,
    input  wire logic                  m_axis_tready
);
  if (K < 2 || K > CLASSES) $fatal(1, "labelselect_topk: K must be 2 ... CLASSES");
  if (INPUT_BITS < 1) $fatal(1, "labelselect_topk: INPUT_BITS must be at least 1");
  if (INDEX_BITS < 1 || INDEX_BITS > 31 || 1 << INDEX_BITS < CLASSES)
    $fatal(1, "labelselect_topk: INDEX_BITS must hold CLASSES - 1");

  localparam int unsigned CountBits = $clog2(K + 1);
  // Signed values compare as unsigned ones once their sign bit is inverted.
  localparam logic [INPUT_BITS-1:0] Offset = INPUT_BITS'(INPUT_SIGNED) << (INPUT_BITS - 1);

  logic [K-1:0][INPUT_BITS-1:0] value_q;
  logic [K-1:0][INDEX_BITS-1:0] index_q, index_d, out_q;
  logic [K-1:0] used_q, larger;  // larger[j]: the new value goes before entry j
  logic [INDEX_BITS-1:0] class_q;
  logic [CountBits-1:0] left_q;  // indices that have not gone out
  logic [INPUT_BITS-1:0] value;
  logic first, last, free, push, pop;

  assign value = s_axis_tdata ^ Offset;
  assign first = class_q == '0;
  assign last = class_q == INDEX_BITS'(CLASSES - 1);
  assign pop = m_axis_tvalid && m_axis_tready;
  assign free = left_q == '0 || (left_q == CountBits'(1) && m_axis_tready);
  assign s_axis_tready = !last || free;
  assign push = s_axis_tvalid && s_axis_tready;

  for (genvar j = 0; j < K; j++) begin : g_entry
    assign larger[j] = first || !used_q[j] || value > value_q[j];
    if (j == 0) begin : g_top
      assign index_d[0] = larger[0] ? class_q : index_q[0];
      always_ff @(posedge clk) if (push && larger[0]) value_q[0] <= value;
    end else begin : g_below
      assign index_d[j] = larger[j-1] ? index_q[j-1] : larger[j] ? class_q : index_q[j];
      always_ff @(posedge clk) if (push && larger[j]) value_q[j] <= larger[j-1] ? value_q[j-1] : value;
    end
  end

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      class_q <= '0;
      left_q  <= '0;
    end else begin
      if (push) class_q <= last ? '0 : class_q + 1'b1;
      if (push && last) left_q <= CountBits'(K);
      else if (pop) left_q <= left_q - 1'b1;
    end
  end
  always_ff @(posedge clk) begin
    if (push) begin
      index_q <= index_d;
      used_q  <= first ? K'(1) : {used_q[K-2:0], 1'b1};
    end
    if (push && last) out_q <= index_d;
    else if (pop) out_q <= out_q >> INDEX_BITS;
  end

  assign m_axis_tvalid = left_q != '0;
  assign m_axis_tdata  = out_q[0];
endmodule

`default_nettype wire
