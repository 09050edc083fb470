// framein: DMA words to the beats of the frames of a batch; takes nothing beyond the batch.
//
// Function  `start` arms it for `batch` frames. A frame is a whole number of words: its beats, each padded to BEAT_WIDTH
//           bits, lie one after the other from bit 0 of its first word on; what is left of its last word is dropped.
//           `early` and `late` pulse where s_axis_tlast does not mark exactly the last word of the batch.
// Latency   1 cycle from the last word that a beat needs; one word or one beat per cycle.
`default_nettype none

module framein #(
    parameter int unsigned WORD_WIDTH,  // bits of a DMA word
    parameter int unsigned BEAT_WIDTH,  // bits of a padded beat: a divisor or a multiple of WORD_WIDTH
    parameter int unsigned OUT_WIDTH,   // bits of a beat that mean something
    parameter int unsigned BEATS        // beats of a frame
) (
    input  wire logic                  clk,
    input  wire logic                  rst_n,
    input  wire logic                  start,
    input  wire logic [          31:0] batch,
    output      logic                  busy,           // words of the batch are still to come
    output      logic                  word,           // a word is taken
    output      logic                  frame,          // the last word of a frame is taken
    output      logic                  early,
    output      logic                  late,
    input  wire logic [WORD_WIDTH-1:0] s_axis_tdata,
    input  wire logic                  s_axis_tvalid,
    input  wire logic                  s_axis_tlast,
    output      logic                  s_axis_tready,
    output      logic [ OUT_WIDTH-1:0] m_axis_tdata,
    output      logic                  m_axis_tvalid,
    input  wire logic                  m_axis_tready
);

  if (WORD_WIDTH < 1 || BEAT_WIDTH < 1) $fatal(1, "framein: WORD_WIDTH and BEAT_WIDTH must be at least 1");
  if (WORD_WIDTH % BEAT_WIDTH != 0 && BEAT_WIDTH % WORD_WIDTH != 0)
    $fatal(1, "framein: BEAT_WIDTH must be a divisor or a multiple of WORD_WIDTH");
  if (OUT_WIDTH < 1 || OUT_WIDTH > BEAT_WIDTH) $fatal(1, "framein: OUT_WIDTH must be 1 to BEAT_WIDTH");
  if (BEATS < 1) $fatal(1, "framein: BEATS must be at least 1");

  localparam int unsigned PER_WORD = WORD_WIDTH >= BEAT_WIDTH ? WORD_WIDTH / BEAT_WIDTH : 1;
  localparam int unsigned PER_BEAT = WORD_WIDTH >= BEAT_WIDTH ? 1 : BEAT_WIDTH / WORD_WIDTH;
  localparam int unsigned WORDS = (BEATS * PER_BEAT + PER_WORD - 1) / PER_WORD;
  localparam int unsigned WORD_BITS = WORDS > 1 ? $clog2(WORDS) : 1;

  logic [31:0] frames_q;  // still to come, the one that is coming included
  logic [WORD_BITS-1:0] word_q;
  logic room, take, ends;

  assign busy = frames_q != '0;
  assign s_axis_tready = busy && room;
  assign take = s_axis_tvalid && s_axis_tready;
  assign ends = word_q == WORD_BITS'(WORDS - 1);
  assign word = take;
  assign frame = take && ends;
  assign early = take && s_axis_tlast && !(ends && frames_q == 32'd1);
  assign late = take && !s_axis_tlast && ends && frames_q == 32'd1;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      frames_q <= '0;
      word_q   <= '0;
    end else if (start) begin
      frames_q <= batch;
      word_q   <= '0;
    end else if (take) begin
      word_q <= ends ? '0 : word_q + 1'b1;
      if (ends) frames_q <= frames_q - 1'b1;
    end
  end

  if (PER_BEAT == 1) begin : g_split
    // What the last word of a frame holds.
    localparam int unsigned REST = BEATS - (WORDS - 1) * PER_WORD;
    localparam int unsigned LEFT_BITS = $clog2(PER_WORD + 1);

    logic [WORD_WIDTH-1:0] data_q;
    logic [LEFT_BITS-1:0] left_q;  // beats of data_q that are still to go

    assign room = left_q == '0 || (left_q == LEFT_BITS'(1) && m_axis_tready);
    assign m_axis_tvalid = left_q != '0;
    assign m_axis_tdata = data_q[OUT_WIDTH-1:0];

    always_ff @(posedge clk) begin
      if (!rst_n) left_q <= '0;
      else if (take) left_q <= ends ? LEFT_BITS'(REST) : LEFT_BITS'(PER_WORD);
      else if (m_axis_tvalid && m_axis_tready) left_q <= left_q - 1'b1;
    end
    if (PER_WORD > 1) begin : g_shift
      always_ff @(posedge clk) begin
        if (take) data_q <= s_axis_tdata;
        else if (m_axis_tready) data_q <= {BEAT_WIDTH'(0), data_q[WORD_WIDTH-1:BEAT_WIDTH]};
      end
    end else begin : g_hold
      always_ff @(posedge clk) if (take) data_q <= s_axis_tdata;
    end

    logic unused;
    assign unused = &{1'b0, data_q};
  end else begin : g_join
    localparam int unsigned COUNT_BITS = $clog2(PER_BEAT);

    logic [BEAT_WIDTH-1:0] data_q;
    logic [COUNT_BITS-1:0] count_q;
    logic valid_q, full;

    assign room = !valid_q || m_axis_tready;
    assign full = count_q == COUNT_BITS'(PER_BEAT - 1);
    assign m_axis_tvalid = valid_q;
    assign m_axis_tdata = data_q[OUT_WIDTH-1:0];

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
      if (take) data_q <= {s_axis_tdata, data_q[BEAT_WIDTH-1:WORD_WIDTH]};
    end

    logic unused;
    assign unused = &{1'b0, data_q};
  end

endmodule

`default_nettype wire
