// thresholding: per channel, counts the thresholds that a value reaches.
//
// Function  y[c] = OUT_BIAS + sum_i (x[c] >= T[c][i]), i = 0 ... 2**STAGES - 2, in the low OUTPUT::width bits; BEATS
//           beats a call, CF = CHANNELS/PE beats a pixel: lane p of beat f is channel (f mod CF)*PE + p.
// Method    Binary search: at node n, the root being 1, go on with 2n + (x > t[n]); the node reached after STAGES
//           steps, less 2**STAGES, is the count.
// Memory    thresholds[f][p][n] = T[f*PE + p][i] - 1 in the order of the search tree: of the nodes of step s, from 2**s
//           on, number k is i = (2k + 1) * 2**(STAGES-1-s) - 1. Word 0 is not used.
// Timing    One beat an iteration at II = 1.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include "constants.hpp"
#include "lanes.hpp"

template <unsigned CHANNELS, unsigned PE, unsigned BEATS, unsigned STAGES, int OUT_BIAS, typename INPUT,
          typename OUTPUT, typename THRESHOLD>
void thresholding(hls::stream<lanes<PE, INPUT>>& in, hls::stream<lanes<PE, OUTPUT>>& out,
                  const constant<THRESHOLD> (&thresholds)[CHANNELS / PE][PE][1u << STAGES]) {
  static_assert(PE >= 1 && CHANNELS % PE == 0, "thresholding: PE must divide CHANNELS");
  static_assert(BEATS % (CHANNELS / PE) == 0, "thresholding: BEATS must be whole pixels");
  static_assert(STAGES >= 1 && STAGES <= 8, "thresholding: STAGES must be 1 ... 8");
  constexpr unsigned CF = CHANNELS / PE;

  ap_uint<index_bits(CF)> fold = 0;
  // A memory for each lane and node, read once an iteration.
#pragma HLS array_partition variable = thresholds complete dim = 2
#pragma HLS array_partition variable = thresholds complete dim = 3
  for (unsigned beat = 0; beat < BEATS; ++beat) {
#pragma HLS pipeline style = flp II = 1
    const lanes<PE, INPUT> values = in.read();
    lanes<PE, OUTPUT> result = 0;
    for (unsigned p = 0; p < PE; ++p) {
#pragma HLS unroll
      const INPUT x = get_lane<INPUT>(values, p);
      ap_uint<STAGES + 1> node = 1;
      for (unsigned s = 0; s < STAGES; ++s) {
#pragma HLS unroll
        node = 2 * unsigned(node) + (x > THRESHOLD(thresholds[fold][p][node]) ? 1 : 0);
      }
      set_lane(result, p, OUTPUT(OUT_BIAS + int(node) - int(1u << STAGES)));
    }
    out.write(result);
    fold = next_of(fold, CF);
  }
}
