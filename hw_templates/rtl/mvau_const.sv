// mvau_const: product of a stream of vectors and a constant matrix, one vector a clock, as a graph of adders.
//
// Function  y[c] = sum_r x[r] * W[r][c] for MW inputs r and MH outputs c; the matrix is in the graph, whose nodes add two
//           earlier values, one of them shifted. x: INPUT_BITS, signed or unsigned; y: two's complement, OUT_BITS.
// Folding   none: input r is lane r of the one input beat, output c lane c of the one output beat.
// Graph     Value v < MW is input v, value MW + n is node n, whose operands have smaller numbers. Node n has the
//           NODE_BITS it needs, signed or not, and does by NODE_KIND
//             0  left                                        behind a register
//             1  left + (right << RIGHT_SHIFT)
//             2  (left << LEFT_SHIFT) - (right << RIGHT_SHIFT)   one of the shifts is 0
//             3  -left
//           Output c is the value OUT_VALUE, shifted up by OUT_SHIFT; MW + NODES stands for zero.
// Timing    One vector a cycle, STAGES cycles from an input beat to its output beat. Every path from an input to an
//           output has STAGES registers. Everything stands still while a valid output beat is not taken.
`default_nettype none

module mvau_const #(
    parameter int unsigned MW,
    parameter int unsigned MH,
    parameter int unsigned INPUT_BITS,
    parameter bit          INPUT_SIGNED,
    parameter int unsigned OUT_BITS,
    parameter int unsigned STAGES,
    parameter int unsigned NODES,
    parameter int unsigned VALUE_BITS,  // of the widest value, inputs and outputs included
    parameter logic [ 2*NODES-1:0] NODE_KIND,
    parameter logic [16*NODES-1:0] LEFT,
    parameter logic [16*NODES-1:0] RIGHT,
    parameter logic [ 8*NODES-1:0] LEFT_SHIFT,
    parameter logic [ 8*NODES-1:0] RIGHT_SHIFT,
    parameter logic [ 8*NODES-1:0] NODE_BITS,
    parameter logic [   NODES-1:0] NODE_SIGNED,
    parameter logic [   16*MH-1:0] OUT_VALUE,
    parameter logic [    8*MH-1:0] OUT_SHIFT
) (
    input  wire logic                     clk,
    input  wire logic                     rst_n,
    input  wire logic [MW*INPUT_BITS-1:0] s_axis_tdata,
    input  wire logic                     s_axis_tvalid,
    output      logic                     s_axis_tready,
    output      logic [  MH*OUT_BITS-1:0] m_axis_tdata,
    output      logic                     m_axis_tvalid,
    input  wire logic                     m_axis_tready
);
  if (MW < 1 || MH < 1 || NODES < 1 || STAGES < 1) $fatal(1, "mvau_const: MW, MH, NODES, STAGES must be at least 1");
  if (INPUT_BITS < 1 || INPUT_BITS > VALUE_BITS || OUT_BITS < 1 || OUT_BITS > VALUE_BITS)
    $fatal(1, "mvau_const: INPUT_BITS and OUT_BITS must be 1 ... VALUE_BITS");

  logic en;
  assign en = !m_axis_tvalid || m_axis_tready;
  assign s_axis_tready = en;

  logic [STAGES-1:0] valid_q;
  if (STAGES > 1) begin : g_valid
    always_ff @(posedge clk) begin
      if (!rst_n) valid_q <= '0;
      else if (en) valid_q <= {valid_q[STAGES-2:0], s_axis_tvalid};
    end
  end else begin : g_valid
    always_ff @(posedge clk) begin
      if (!rst_n) valid_q <= '0;
      else if (en) valid_q <= s_axis_tvalid;
    end
  end
  assign m_axis_tvalid = valid_q[STAGES-1];

  // All values, extended from their own bits to VALUE_BITS.
  logic [VALUE_BITS-1:0] value[MW+NODES]  /* verilator split_var */;

  for (genvar r = 0; r < MW; r++) begin : g_input
    logic [INPUT_BITS-1:0] x;
    assign x = s_axis_tdata[r*INPUT_BITS+:INPUT_BITS];
    assign value[r] = VALUE_BITS'($signed({INPUT_SIGNED & x[INPUT_BITS-1], x}));
  end

  for (genvar n = 0; n < NODES; n++) begin : g_node
    localparam int unsigned Left = 32'(LEFT[16*n+:16]);
    localparam int unsigned Right = 32'(RIGHT[16*n+:16]);
    localparam int unsigned Bits = 32'(NODE_BITS[8*n+:8]);
    localparam bit Signed = NODE_SIGNED[n];
    if (Left >= MW + n || Right >= MW + n) $fatal(1, "mvau_const: the operands of a node must come before it");
    if (Bits < 1 || Bits > VALUE_BITS) $fatal(1, "mvau_const: NODE_BITS must be 1 ... VALUE_BITS");

    logic [Bits-1:0] result;
    mvau_const_node #(
        .KIND(NODE_KIND[2*n+:2]), .BITS(Bits), .LEFT_SHIFT(32'(LEFT_SHIFT[8*n+:8])),
        .RIGHT_SHIFT(32'(RIGHT_SHIFT[8*n+:8]))
    ) i_node (
        .clk, .en, .left(value[Left][Bits-1:0]), .right(value[Right][Bits-1:0]), .result
    );
    assign value[MW+n] = VALUE_BITS'($signed({Signed & result[Bits-1], result}));
  end

  for (genvar c = 0; c < MH; c++) begin : g_output
    localparam int unsigned Value = 32'(OUT_VALUE[16*c+:16]);
    if (Value > MW + NODES) $fatal(1, "mvau_const: OUT_VALUE must be 0 ... MW + NODES");
    if (Value == MW + NODES) begin : g_zero
      assign m_axis_tdata[c*OUT_BITS+:OUT_BITS] = '0;
    end else begin : g_value
      assign m_axis_tdata[c*OUT_BITS+:OUT_BITS] = OUT_BITS'(value[Value] << OUT_SHIFT[8*c+:8]);
    end
  end

  // Not every input has a weight that is not zero, and not every bit of a value is needed.
  logic unused;
  assign unused = &{1'b0, s_axis_tdata};
endmodule

`default_nettype wire
