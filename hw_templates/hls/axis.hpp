// axis: the ends of the accelerator: AXI-Stream of whole bytes, with tlast behind it, to streams of beats and back.
//
// Function  from_axis drops the padding; to_axis pads with zeros and marks the last of the BEATS beats of a call.
// Timing    One beat an iteration at II = 1.
#pragma once

#include <ap_axi_sdata.h>
#include <ap_int.h>
#include <hls_stream.h>

constexpr int whole_bytes(int bits) { return (bits + 7) / 8 * 8; }

template <int WIDTH>
using axis_beat = ap_axiu<whole_bytes(WIDTH), 0, 0, 0>;

template <int WIDTH, unsigned BEATS>
void from_axis(hls::stream<axis_beat<WIDTH>>& in, hls::stream<ap_uint<WIDTH>>& out) {
  for (unsigned beat = 0; beat < BEATS; ++beat) {
#pragma HLS pipeline style = flp II = 1
    out.write(ap_uint<WIDTH>(in.read().data));
  }
}

template <int WIDTH, unsigned BEATS>
void to_axis(hls::stream<ap_uint<WIDTH>>& in, hls::stream<axis_beat<WIDTH>>& out) {
  for (unsigned beat = 0; beat < BEATS; ++beat) {
#pragma HLS pipeline style = flp II = 1
    axis_beat<WIDTH> padded;
    padded.data = in.read();
    padded.keep = -1;
    padded.strb = -1;
    padded.last = beat == BEATS - 1;
    out.write(padded);
  }
}
