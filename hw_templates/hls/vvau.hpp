// vvau: depthwise matrix-vector product; every channel has its own weights over the pixels of a window; no activation.
//
// Function  y[c] = sum_k x[k][c] * W[k][c] for the K pixels of a window and CHANNELS channels, WINDOWS windows a call.
//           y is summed modulo 2**(accumulator bits of lane c % PE), exact where that holds the final sum, and
//           sign-extended to OUT_BITS.
// Folding   The stream of a depthwise sliding window: K beats of the channels 0 ... PE-1, K beats of the next PE, and
// so
//           on. Channel c = f*PE + p is lane p of the beats f*K ... f*K + K-1, and of output beat f.
// Memory    weights[f*K + k][p][0] = W[k][f*PE + p]
// Timing    K*CHANNELS/PE iterations a window at II = 1.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include "accumulators.hpp"
#include "constants.hpp"
#include "lanes.hpp"

template <unsigned K, unsigned CHANNELS, unsigned PE, unsigned SIMD, unsigned WINDOWS, typename INPUT, typename WEIGHT,
          unsigned OUT_BITS, typename LANE_BITS, multiplier MULTIPLIER>
void vvau(hls::stream<lanes<PE * SIMD, INPUT>>& in, hls::stream<lanes<PE, ap_int<OUT_BITS>>>& out,
          const constant<WEIGHT> (&weights)[K / SIMD * (CHANNELS / PE)][PE][SIMD]) {
  static_assert(K >= 1 && WINDOWS >= 1, "vvau: K and WINDOWS must be at least 1");
  static_assert(PE >= 1 && CHANNELS % PE == 0, "vvau: PE must divide CHANNELS");
  static_assert(SIMD >= 1 && K % SIMD == 0, "vvau: SIMD must divide K");
  static_assert(INPUT::width <= 8 && WEIGHT::width <= 9, "vvau: inputs and weights have at most 8 bits, and a sign");
  constexpr unsigned SF = K / SIMD;
  constexpr unsigned WORDS = SF * (CHANNELS / PE);

  accumulators<MULTIPLIER, OUT_BITS, LANE_BITS> sums;
  ap_uint<index_bits(SF)> sf = 0;
  ap_uint<index_bits(WORDS)> word = 0;
#pragma HLS array_reshape variable = weights complete dim = 2
#pragma HLS array_reshape variable = weights complete dim = 3
  for (unsigned beat = 0; beat < WINDOWS * WORDS; ++beat) {
#pragma HLS pipeline style = flp II = 1
    const lanes<PE * SIMD, INPUT> values = in.read();
    INPUT x[PE][SIMD];
#pragma HLS array_partition variable = x complete dim = 0
    for (unsigned p = 0; p < PE; ++p) {
#pragma HLS unroll
      for (unsigned s = 0; s < SIMD; ++s) {
#pragma HLS unroll
        x[p][s] = get_lane<INPUT>(values, s * PE + p);
      }
    }
    WEIGHT w[PE][SIMD];
#pragma HLS array_partition variable = w complete dim = 0
    read_word(weights[word], w);
    sums.add(sf == 0, unsigned(word) / SF * PE, x, w);
    if (sf == SF - 1) {
      lanes<PE, ap_int<OUT_BITS>> result = 0;
      sums.write_to(result);
      out.write(result);
    }
    sf = next_of(sf, SF);
    word = next_of(word, WORDS);
  }
}
