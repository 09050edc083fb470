// concat: the channels of one stream, then those of another, for PIXELS pixels a call.
//
// Function  FOLDS0 beats of in0, then FOLDS1 beats of in1, and so on. Lanes are extended to OUT_BITS, or cut to them,
//           which is exact where OUT_BITS hold the values.
// Timing    One beat an iteration at II = 1.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include "lanes.hpp"

// Every lane of `word`, a value of INPUT, in OUT_BITS.
template <unsigned SIMD, typename INPUT, int OUT_BITS>
lanes<SIMD, ap_int<OUT_BITS>> resized_lanes(const lanes<SIMD, INPUT>& word) {
#pragma HLS inline
  lanes<SIMD, ap_int<OUT_BITS>> resized = 0;
  for (unsigned s = 0; s < SIMD; ++s) {
#pragma HLS unroll
    set_lane(resized, s, ap_int<OUT_BITS>(get_lane<INPUT>(word, s)));
  }
  return resized;
}

template <unsigned SIMD, unsigned PIXELS, unsigned FOLDS0, typename INPUT0, unsigned FOLDS1, typename INPUT1,
          int OUT_BITS>
void concat(hls::stream<lanes<SIMD, INPUT0>>& in0, hls::stream<lanes<SIMD, INPUT1>>& in1,
            hls::stream<lanes<SIMD, ap_int<OUT_BITS>>>& out) {
  static_assert(SIMD >= 1 && PIXELS >= 1, "concat: SIMD and PIXELS must be at least 1");
  static_assert(FOLDS0 >= 1 && FOLDS1 >= 1, "concat: FOLDS0 and FOLDS1 must be at least 1");
  static_assert(OUT_BITS >= 1, "concat: OUT_BITS must be at least 1");

  ap_uint<index_bits(FOLDS0 + FOLDS1)> fold = 0;
  for (unsigned beat = 0; beat < PIXELS * (FOLDS0 + FOLDS1); ++beat) {
#pragma HLS pipeline style = flp II = 1
    if (fold < FOLDS0) {
      out.write(resized_lanes<SIMD, INPUT0, OUT_BITS>(in0.read()));
    } else {
      out.write(resized_lanes<SIMD, INPUT1, OUT_BITS>(in1.read()));
    }
    fold = next_of(fold, FOLDS0 + FOLDS1);
  }
}
