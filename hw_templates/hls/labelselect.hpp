// labelselect: index of the largest of CLASSES values a call, the lowest index where several are largest (argmax).
//
// Function  index = min { c : x[c] = max x }
// Folding   CLASSES/PE beats: lane p of beat f is class f*PE + p. One output beat.
// Method    The largest lane of a beat is compared with the largest so far.
// Timing    CLASSES/PE iterations at II = 1.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include "lanes.hpp"

template <unsigned CLASSES, unsigned PE, typename INPUT, int INDEX_BITS>
void labelselect(hls::stream<lanes<PE, INPUT>>& in, hls::stream<ap_uint<INDEX_BITS>>& out) {
  static_assert(PE >= 1 && CLASSES >= 1 && CLASSES % PE == 0, "labelselect: PE must divide CLASSES");
  static_assert(INDEX_BITS >= 1 && INDEX_BITS <= 31 && 1u << INDEX_BITS >= CLASSES,
                "labelselect: INDEX_BITS must hold CLASSES - 1");

  INPUT largest = 0;
  ap_uint<INDEX_BITS> index = 0;
  for (unsigned beat = 0; beat < CLASSES / PE; ++beat) {
#pragma HLS pipeline style = flp II = 1
    const lanes<PE, INPUT> values = in.read();
    INPUT best = get_lane<INPUT>(values, 0);
    ap_uint<INDEX_BITS> lane = 0;
    for (unsigned p = 1; p < PE; ++p) {
#pragma HLS unroll
      const INPUT x = get_lane<INPUT>(values, p);
      if (x > best) {
        best = x;
        lane = p;
      }
    }
    // The only comparison that waits for the iteration before.
    if (beat == 0 || best > largest) {
      largest = best;
      index = beat * PE + lane;
    }
    if (beat == CLASSES / PE - 1) out.write(index);
  }
}
