// pool_parallel: maximum or sum over the WINDOW pixels of a beat, lane by lane.
//
// Function  out[p] = max, or with SUM the sum modulo 2**OUT_BITS, over w of in[w][p]; behind a window generator that
//           gives a whole window in one beat. A sum is exact where OUT_BITS hold it.
// Layout    Pixel w, lane p in the BITS bits from (w*PE + p)*BITS on; two's complement where SIGNED.
// Method    A balanced tree with a register after every level.
// Latency   max(1, ceil(log2(WINDOW))) cycles, one beat per cycle. Everything stands still while a valid output beat is
//           not taken.
`default_nettype none

(* use_dsp = "no" *)
module pool_parallel #(
    parameter int unsigned PE,       // lanes
    parameter int unsigned BITS,     // bits of a lane
    parameter bit          SIGNED,   // lanes are two's complement
    parameter int unsigned WINDOW,   // pixels of a beat, at least 2
    parameter bit          SUM,      // sum in place of maximum
    parameter int unsigned OUT_BITS  // bits of an output lane; of a maximum those of the input
) (
    input  wire logic                      clk,
    input  wire logic                      rst_n,
    input  wire logic [WINDOW*PE*BITS-1:0] s_axis_tdata,
    input  wire logic                      s_axis_tvalid,
    output      logic                      s_axis_tready,
    output      logic [   PE*OUT_BITS-1:0] m_axis_tdata,
    output      logic                      m_axis_tvalid,
    input  wire logic                      m_axis_tready
);

  if (PE < 1 || BITS < 1) $fatal(1, "pool_parallel: PE and BITS must be at least 1");
  if (WINDOW < 2) $fatal(1, "pool_parallel: WINDOW must be at least 2");
  if (OUT_BITS < 1 || (!SUM && OUT_BITS != BITS))
    $fatal(1, "pool_parallel: OUT_BITS must be BITS, or with SUM at least 1");

  localparam int unsigned Levels = WINDOW > 1 ? $clog2(WINDOW) : 1;
  // Signed lanes compare as unsigned ones once their sign bit is inverted.
  localparam logic [BITS-1:0] ONES = '1;
  localparam logic [BITS-1:0] FLIP = SIGNED ? ~(ONES >> 1) : '0;

  logic [Levels-1:0] valid_q;
  logic en;
  assign m_axis_tvalid = valid_q[Levels-1];
  assign en = !m_axis_tvalid || m_axis_tready;
  assign s_axis_tready = en;
  always_ff @(posedge clk) begin
    if (!rst_n) valid_q <= '0;
    else if (en) valid_q <= Levels'({valid_q, s_axis_tvalid});
  end

  // node[l][i]: of the pixels i * 2**l ... (i + 1) * 2**l - 1.
  logic [PE-1:0][OUT_BITS-1:0] node[Levels+1][WINDOW]  /* verilator split_var */;

  for (genvar l = 0; l <= Levels; l++) begin : g_level
    for (genvar i = 0; i << l < WINDOW; i++) begin : g_node
      if (l == 0) begin : g_leaf
        for (genvar p = 0; p < PE; p++) begin : g_lane
          logic [BITS-1:0] value;
          assign value = s_axis_tdata[(i*PE+p)*BITS+:BITS];
          assign node[0][i][p] = OUT_BITS'($signed({SIGNED & value[BITS-1], value}));
        end
      end else begin : g_join
        localparam bit Two = ((2 * i + 1) << (l - 1)) < WINDOW;
        logic [PE-1:0][OUT_BITS-1:0] joined_q;
        for (genvar p = 0; p < PE; p++) begin : g_lane
          logic [OUT_BITS-1:0] even;
          assign even = node[l-1][2*i][p];
          if (!Two) begin : g_pass
            always_ff @(posedge clk) if (en) joined_q[p] <= even;
          end else if (SUM) begin : g_sum
            always_ff @(posedge clk) if (en) joined_q[p] <= even + node[l-1][2*i+1][p];
          end else begin : g_max
            logic [OUT_BITS-1:0] odd;
            assign odd = node[l-1][2*i+1][p];
            always_ff @(posedge clk) if (en) joined_q[p] <= (even ^ OUT_BITS'(FLIP)) > (odd ^ OUT_BITS'(FLIP)) ? even : odd;
          end
        end
        assign node[l][i] = joined_q;
      end
    end
  end

  assign m_axis_tdata = node[Levels][0];

  // Of inputs wider than the sum the upper bits do not matter.
  logic unused;
  assign unused = &{1'b0, s_axis_tdata};

endmodule

`default_nettype wire
