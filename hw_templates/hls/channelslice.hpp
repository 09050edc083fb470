// channelslice: keeps some of the channels of every pixel; PIXELS pixels a call.
//
// Function  Of every FOLDS beats (a pixel) those from START to STOP - 1 pass, the others are taken and dropped.
// Timing    One input beat an iteration at II = 1.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include "lanes.hpp"

template <int WIDTH, unsigned FOLDS, unsigned START, unsigned STOP, unsigned PIXELS>
void channelslice(hls::stream<ap_uint<WIDTH>>& in, hls::stream<ap_uint<WIDTH>>& out) {
  static_assert(START < STOP && STOP <= FOLDS, "channelslice: START < STOP <= FOLDS must hold");
  static_assert(PIXELS >= 1, "channelslice: PIXELS must be at least 1");

  ap_uint<index_bits(FOLDS)> fold = 0;
  for (unsigned beat = 0; beat < PIXELS * FOLDS; ++beat) {
#pragma HLS pipeline style = flp II = 1
    const ap_uint<WIDTH> value = in.read();
    // Unsigned: before START the difference is large.
    if (unsigned(fold) - START < STOP - START) out.write(value);
    fold = next_of(fold, FOLDS);
  }
}
