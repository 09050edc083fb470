// frameout: the beats of the frames of a batch to DMA words; tlast with the last word of the batch.
//
// Function  `start` arms it for `batch` frames. Beats, each padded with zeros to BEAT_WIDTH bits, lie one after the other
//           from bit 0 of a frame's first word on; the last word of a frame is filled with zeros. s_axis_tlast ends a
//           frame.
// Latency   1 cycle from the beat that completes a word; one word or one beat per cycle.
`default_nettype none

module frameout #(
    parameter int unsigned WORD_WIDTH,  // bits of a DMA word
    parameter int unsigned BEAT_WIDTH,  // bits of a padded beat: a divisor or a multiple of WORD_WIDTH
    parameter int unsigned IN_WIDTH     // bits of a beat
) (
    input  wire logic                  clk,
    input  wire logic                  rst_n,
    input  wire logic                  start,
    input  wire logic [          31:0] batch,
    output      logic                  busy,           // words of the batch are still to go
    output      logic                  word,           // a word is taken
    output      logic                  frame,          // the last word of a frame is taken
    input  wire logic [  IN_WIDTH-1:0] s_axis_tdata,
    input  wire logic                  s_axis_tvalid,
    input  wire logic                  s_axis_tlast,
    output      logic                  s_axis_tready,
    output      logic [WORD_WIDTH-1:0] m_axis_tdata,
    output      logic                  m_axis_tvalid,
    output      logic                  m_axis_tlast,
    input  wire logic                  m_axis_tready
);

  if (WORD_WIDTH < 1 || BEAT_WIDTH < 1) $fatal(1, "frameout: WORD_WIDTH and BEAT_WIDTH must be at least 1");
  if (WORD_WIDTH % BEAT_WIDTH != 0 && BEAT_WIDTH % WORD_WIDTH != 0)
    $fatal(1, "frameout: BEAT_WIDTH must be a divisor or a multiple of WORD_WIDTH");
  if (IN_WIDTH < 1 || IN_WIDTH > BEAT_WIDTH) $fatal(1, "frameout: IN_WIDTH must be 1 to BEAT_WIDTH");

  logic [31:0] frames_q;  // whose last beat is still to come
  logic room, take, ends, ends_q, last_q;
  logic frame_end;  // the word that is offered is the last of its frame

  assign s_axis_tready = frames_q != '0 && room;
  assign take = s_axis_tvalid && s_axis_tready;
  assign ends = take && s_axis_tlast;
  assign busy = frames_q != '0 || m_axis_tvalid;
  assign word = m_axis_tvalid && m_axis_tready;
  assign m_axis_tlast = last_q && frame_end;
  assign frame = word && frame_end;

  always_ff @(posedge clk) begin
    if (!rst_n) frames_q <= '0;
    else if (start) frames_q <= batch;
    else if (ends) frames_q <= frames_q - 1'b1;
  end
  always_ff @(posedge clk) begin
    if (take) begin
      ends_q <= s_axis_tlast;
      last_q <= s_axis_tlast && frames_q == 32'd1;
    end
  end

  if (WORD_WIDTH >= BEAT_WIDTH) begin : g_join
    localparam int unsigned PER_WORD = WORD_WIDTH / BEAT_WIDTH;
    localparam int unsigned COUNT_BITS = PER_WORD > 1 ? $clog2(PER_WORD) : 1;

    logic [WORD_WIDTH-1:0] data_q;
    logic [COUNT_BITS-1:0] count_q;
    logic valid_q, full;

    assign room = !valid_q || m_axis_tready;
    assign full = s_axis_tlast || count_q == COUNT_BITS'(PER_WORD - 1);
    assign frame_end = ends_q;
    assign m_axis_tvalid = valid_q;
    assign m_axis_tdata = data_q;

    always_ff @(posedge clk) begin
      if (!rst_n) begin
        count_q <= '0;
        valid_q <= 1'b0;
      end else begin
        if (take) count_q <= full ? '0 : count_q + 1'b1;
        if (room) valid_q <= take && full;
      end
    end
    always_ff @(posedge clk) begin
      for (int unsigned i = 0; i < PER_WORD; i++) begin
        if (take && count_q == COUNT_BITS'(i)) data_q[i*BEAT_WIDTH+:BEAT_WIDTH] <= BEAT_WIDTH'(s_axis_tdata);
        else if (take && count_q == '0) data_q[i*BEAT_WIDTH+:BEAT_WIDTH] <= '0;
      end
    end
  end else begin : g_split
    localparam int unsigned PER_BEAT = BEAT_WIDTH / WORD_WIDTH;
    localparam int unsigned LEFT_BITS = $clog2(PER_BEAT + 1);

    logic [BEAT_WIDTH-1:0] data_q;
    logic [LEFT_BITS-1:0] left_q;  // words of data_q that are still to go

    assign room = left_q == '0 || (left_q == LEFT_BITS'(1) && m_axis_tready);
    assign frame_end = ends_q && left_q == LEFT_BITS'(1);
    assign m_axis_tvalid = left_q != '0;
    assign m_axis_tdata = data_q[WORD_WIDTH-1:0];

    always_ff @(posedge clk) begin
      if (!rst_n) left_q <= '0;
      else if (take) left_q <= LEFT_BITS'(PER_BEAT);
      else if (word) left_q <= left_q - 1'b1;
    end
    always_ff @(posedge clk) begin
      if (take) data_q <= BEAT_WIDTH'(s_axis_tdata);
      else if (m_axis_tready) data_q <= data_q >> WORD_WIDTH;
    end
  end

endmodule

`default_nettype wire
