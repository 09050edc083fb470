// dwc: data-width converter between streams whose widths are integer multiples of each other; IN_BEATS beats a call.
//
// Function  IN_WIDTH < OUT_WIDTH: OUT_WIDTH/IN_WIDTH beats become one; IN_WIDTH > OUT_WIDTH: one beat becomes
//           IN_WIDTH/OUT_WIDTH. The first of the narrow beats is in the least significant bits.
// Timing    One beat of the narrow side an iteration at II = 1.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include "lanes.hpp"

template <int IN_WIDTH, int OUT_WIDTH, unsigned IN_BEATS>
void dwc(hls::stream<ap_uint<IN_WIDTH>>& in, hls::stream<ap_uint<OUT_WIDTH>>& out) {
  static_assert(IN_WIDTH >= 1 && OUT_WIDTH >= 1, "dwc: IN_WIDTH and OUT_WIDTH must be at least 1");
  static_assert(IN_WIDTH != OUT_WIDTH, "dwc: IN_WIDTH and OUT_WIDTH are equal; there is nothing to convert");
  static_assert(IN_WIDTH % OUT_WIDTH == 0 || OUT_WIDTH % IN_WIDTH == 0,
                "dwc: the wider of IN_WIDTH and OUT_WIDTH must be a multiple of the other");
  constexpr bool WIDENS = OUT_WIDTH > IN_WIDTH;
  constexpr unsigned RATIO = WIDENS ? OUT_WIDTH / IN_WIDTH : IN_WIDTH / OUT_WIDTH;
  static_assert(IN_BEATS >= 1 && (!WIDENS || IN_BEATS % RATIO == 0), "dwc: IN_BEATS must be whole output beats");
  constexpr int NARROW = WIDENS ? IN_WIDTH : OUT_WIDTH;

  ap_uint<WIDENS ? OUT_WIDTH : IN_WIDTH> word = 0;
  ap_uint<index_bits(RATIO)> part = 0;
  for (unsigned beat = 0; beat < (WIDENS ? IN_BEATS : IN_BEATS * RATIO); ++beat) {
#pragma HLS pipeline style = flp II = 1
    if (WIDENS) {
      word >>= NARROW;
      set_lane(word, RATIO - 1, ap_uint<NARROW>(in.read()));
      if (part == RATIO - 1) out.write(word);
    } else {
      if (part == 0) {
        word = in.read();
      } else {
        word >>= NARROW;
      }
      out.write(ap_uint<NARROW>(word));
    }
    part = next_of(part, RATIO);
  }
}
