// pool: maximum or sum over WINDOW consecutive beats, lane by lane; GROUPS of them a call.
//
// Function  out[p] = max, or with SUM the sum modulo 2**OUTPUT::width, over the WINDOW beats of a group of in[p];
// behind
//           a depthwise sliding window: max-pooling, average pooling without its division. A sum is exact where OUTPUT
//           holds it.
// Timing    One input beat an iteration at II = 1.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include "lanes.hpp"

template <unsigned PE, unsigned WINDOW, unsigned GROUPS, bool SUM, typename INPUT, typename OUTPUT>
void pool(hls::stream<lanes<PE, INPUT>>& in, hls::stream<lanes<PE, OUTPUT>>& out) {
  static_assert(PE >= 1 && WINDOW >= 1 && GROUPS >= 1, "pool: PE, WINDOW and GROUPS must be at least 1");
  static_assert(SUM || OUTPUT::width == INPUT::width, "pool: a maximum has the type of its inputs");

  OUTPUT result[PE];
#pragma HLS array_partition variable = result complete
  ap_uint<index_bits(WINDOW)> count = 0;
  for (unsigned beat = 0; beat < GROUPS * WINDOW; ++beat) {
#pragma HLS pipeline style = flp II = 1
    const lanes<PE, INPUT> values = in.read();
    lanes<PE, OUTPUT> word = 0;
    for (unsigned p = 0; p < PE; ++p) {
#pragma HLS unroll
      const INPUT x = get_lane<INPUT>(values, p);
      if (SUM) {
        result[p] = count == 0 ? OUTPUT(x) : OUTPUT(result[p] + x);
      } else if (count == 0 || x > result[p]) {
        result[p] = x;
      }
      set_lane(word, p, result[p]);
    }
    if (count == WINDOW - 1) out.write(word);
    count = next_of(count, WINDOW);
  }
}
