// add: weighted sum of two streams, lane by lane (residual add); BEATS of them a call.
//
// Function  out[p] = FACTOR0 * in0[p] + FACTOR1 * in1[p], modulo 2**OUT_BITS: exact where OUT_BITS hold the sum.
// Timing    One beat of both inputs an iteration at II = 1.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include "lanes.hpp"

template <unsigned PE, unsigned BEATS, typename INPUT0, typename INPUT1, int FACTOR0, int FACTOR1, int OUT_BITS>
void add(hls::stream<lanes<PE, INPUT0>>& in0, hls::stream<lanes<PE, INPUT1>>& in1,
         hls::stream<lanes<PE, ap_int<OUT_BITS>>>& out) {
  static_assert(PE >= 1 && BEATS >= 1, "add: PE and BEATS must be at least 1");
  static_assert(OUT_BITS >= 1, "add: OUT_BITS must be at least 1");

  for (unsigned beat = 0; beat < BEATS; ++beat) {
#pragma HLS pipeline style = flp II = 1
    const lanes<PE, INPUT0> values0 = in0.read();
    const lanes<PE, INPUT1> values1 = in1.read();
    lanes<PE, ap_int<OUT_BITS>> word = 0;
    for (unsigned p = 0; p < PE; ++p) {
#pragma HLS unroll
      const ap_int<OUT_BITS> term0 = get_lane<INPUT0>(values0, p) * ap_int<32>(FACTOR0);
      const ap_int<OUT_BITS> term1 = get_lane<INPUT1>(values1, p) * ap_int<32>(FACTOR1);
      set_lane(word, p, ap_int<OUT_BITS>(term0 + term1));
    }
    out.write(word);
  }
}
