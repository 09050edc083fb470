// duplicate: one stream for two readers; BEATS beats a call.
//
// Function  out0 and out1 each carry every beat of in.
// Timing    One beat an iteration at II = 1.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

template <int WIDTH, unsigned BEATS>
void duplicate(hls::stream<ap_uint<WIDTH>>& in, hls::stream<ap_uint<WIDTH>>& out0, hls::stream<ap_uint<WIDTH>>& out1) {
  static_assert(BEATS >= 1, "duplicate: BEATS must be at least 1");

  for (unsigned beat = 0; beat < BEATS; ++beat) {
#pragma HLS pipeline style = flp II = 1
    const ap_uint<WIDTH> value = in.read();
    out0.write(value);
    out1.write(value);
  }
}
