// mvau_feed: the pairs of operands of a folded MVAU: beats of a vector again and again, and the words of its weights.
//
// Function  For every vector of SF input beats, NF passes over them: the first takes them from the stream, the others
//           from a buffer. `x` is the beat, `address` counts nf*SF + sf, `first` and `last` say whether sf is 0 or
//           SF - 1. Where `load` is low the beat is that of the cycle before, and x means nothing.
// Timing    A pair a cycle while en is high and the stream has a beat. x is late by a cycle where SF > 1 and NF > 1,
//           else the stream's own.
`default_nettype none

module mvau_feed #(
    parameter int unsigned SF,
    parameter int unsigned NF,
    parameter int unsigned WIDTH,
    localparam int unsigned AddressBits = SF * NF > 1 ? $clog2(SF * NF) : 1
) (
    input  wire logic                   clk,
    input  wire logic                   rst_n,
    input  wire logic                   en,
    input  wire logic [      WIDTH-1:0] s_axis_tdata,
    input  wire logic                   s_axis_tvalid,
    output      logic                   s_axis_tready,
    output      logic                   valid,
    output      logic                   load,
    output      logic                   first,
    output      logic                   last,
    output      logic [AddressBits-1:0] address,
    output      logic [      WIDTH-1:0] x
);
  if (NF == 1) begin : g_stream
    assign s_axis_tready = en;
    assign valid = s_axis_tvalid;
    assign load = 1'b1;
    assign x = s_axis_tdata;

    if (SF == 1) begin : g_one
      assign address = '0;
      assign first = 1'b1;
      assign last = 1'b1;
      logic unused;
      assign unused = &{1'b0, clk, rst_n};
    end else begin : g_many
      logic [AddressBits-1:0] address_q;
      assign address = address_q;
      assign first = address_q == '0;
      assign last = address_q == AddressBits'(SF - 1);
      always_ff @(posedge clk) begin
        if (!rst_n) address_q <= '0;
        else if (en && valid) address_q <= last ? '0 : address_q + 1'b1;
      end
    end

  end else if (SF == 1) begin : g_hold
    // The one input beat stays in the operand register.
    logic [AddressBits-1:0] address_q;
    assign address = address_q;
    assign load = address_q == '0;
    assign s_axis_tready = en && load;
    assign valid = s_axis_tvalid || !load;
    assign x = s_axis_tdata;
    assign first = 1'b1;
    assign last = 1'b1;
    always_ff @(posedge clk) begin
      if (!rst_n) address_q <= '0;
      else if (en && valid) address_q <= address_q == AddressBits'(SF * NF - 1) ? '0 : address_q + 1'b1;
    end

  end else begin : g_replay
    // Beats enter the buffer in the first pass and leave it a cycle later in every pass.
    localparam int unsigned BeatBits = $clog2(SF);
    logic [WIDTH-1:0] buffer[SF];
    logic [AddressBits-1:0] next_q, address_q;
    logic [BeatBits-1:0] next_beat_q, beat_q;
    logic filling_q, valid_q;
    logic next_valid, next_last;

    assign next_valid = s_axis_tvalid || !filling_q;
    assign next_last = next_beat_q == BeatBits'(SF - 1);
    assign s_axis_tready = en && filling_q;

    always_ff @(posedge clk) begin
      if (!rst_n) begin
        next_q <= '0;
        next_beat_q <= '0;
        filling_q <= 1'b1;
        valid_q <= 1'b0;
      end else if (en) begin
        valid_q <= next_valid;
        if (next_valid) begin
          next_beat_q <= next_last ? '0 : next_beat_q + 1'b1;
          next_q <= next_q == AddressBits'(SF * NF - 1) ? '0 : next_q + 1'b1;
          if (next_last) filling_q <= next_q == AddressBits'(SF * NF - 1);
        end
      end
    end

    always_ff @(posedge clk) begin
      if (s_axis_tvalid && s_axis_tready) buffer[next_beat_q] <= s_axis_tdata;
      if (en) begin
        address_q <= next_q;
        beat_q <= next_beat_q;
      end
    end

    assign x = buffer[beat_q];
    assign address = address_q;
    assign valid = valid_q;
    assign load = 1'b1;
    assign first = beat_q == '0;
    assign last = beat_q == BeatBits'(SF - 1);
  end
endmodule

`default_nettype wire
