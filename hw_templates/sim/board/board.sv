// board: accelerator_ps between a processor's register accesses and the two channels of an AXI DMA. Simulation only.
//
// One DPI-C call a cycle: what the accelerator shows goes to the harness (board.cpp), which answers with what is driven
// after this clock edge. Words travel as 128 bits, whatever the width of the DMA.
`default_nettype none

module board #(
  parameter int unsigned WORD_WIDTH
) (
  input wire logic clk,
  input wire logic rst_n
);

  import "DPI-C" function void a2q_board_step(
    input  int unsigned flags,   // awready wready bvalid arready rvalid, s tready, m tvalid tlast: bits 0 to 7
    input  int unsigned rdata,
    input  bit [127:0]  word,
    output int unsigned drive,   // awvalid wvalid bready arvalid rready, s tvalid tlast, m tready: bits 0 to 7
    output int unsigned address,
    output int unsigned wdata,
    output bit [127:0]  sent
  );
  import "DPI-C" function void a2q_board_fault(input int unsigned kind);

  logic awready, wready, bvalid, arready, rvalid, s_tready, m_tvalid, m_tlast, dropped, changed;
  logic [1:0] bresp, rresp;
  logic [31:0] rdata;
  logic [WORD_WIDTH-1:0] m_tdata;
  logic [WORD_WIDTH/8-1:0] m_tkeep;

  logic [  7:0] drive_q;
  logic [ 31:0] address_q, wdata_q;
  logic [127:0] sent_q;
  int unsigned  drive, address, wdata;
  bit   [127:0] sent;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      drive_q <= '0;
    end else begin
      a2q_board_step({24'd0, m_tlast, m_tvalid, s_tready, rvalid, arready, bvalid, wready, awready}, rdata,
                     128'(m_tdata), drive, address, wdata, sent);
      drive_q   <= drive[7:0];
      address_q <= address;
      wdata_q   <= wdata;
      sent_q    <= sent;
      if (dropped) a2q_board_fault(0);
      if (changed) a2q_board_fault(1);
      if (m_tvalid && m_tkeep != '1) a2q_board_fault(2);
      if ((bvalid && bresp != 2'b00) || (rvalid && rresp != 2'b00)) a2q_board_fault(3);
    end
  end

  accelerator_ps dut (
    .ap_clk(clk),
    .ap_rst_n(rst_n),
    .s_axis_tdata(sent_q[WORD_WIDTH-1:0]),
    .s_axis_tvalid(drive_q[5]),
    .s_axis_tlast(drive_q[6]),
    .s_axis_tready(s_tready),
    .m_axis_tdata(m_tdata),
    .m_axis_tkeep(m_tkeep),
    .m_axis_tvalid(m_tvalid),
    .m_axis_tlast(m_tlast),
    .m_axis_tready(drive_q[7]),
    .s_axi_control_awaddr(address_q[11:0]),
    .s_axi_control_awvalid(drive_q[0]),
    .s_axi_control_awready(awready),
    .s_axi_control_wdata(wdata_q),
    .s_axi_control_wstrb(4'hf),
    .s_axi_control_wvalid(drive_q[1]),
    .s_axi_control_wready(wready),
    .s_axi_control_bresp(bresp),
    .s_axi_control_bvalid(bvalid),
    .s_axi_control_bready(drive_q[2]),
    .s_axi_control_araddr(address_q[11:0]),
    .s_axi_control_arvalid(drive_q[3]),
    .s_axi_control_arready(arready),
    .s_axi_control_rdata(rdata),
    .s_axi_control_rresp(rresp),
    .s_axi_control_rvalid(rvalid),
    .s_axi_control_rready(drive_q[4])
  );

  // A soft reset may take back what was offered: the processor resets the DMA first.
  axis_stable #(
    .WIDTH(WORD_WIDTH + 1)
  ) stable (
    .clk,
    .rst_n(dut.core_rst_n),
    .tvalid(m_tvalid),
    .tready(drive_q[7]),
    .tdata({m_tlast, m_tdata}),
    .dropped,
    .changed
  );

endmodule

`default_nettype wire
