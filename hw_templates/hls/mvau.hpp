// mvau: matrix-vector product of a stream of vectors and a constant matrix, folded SF x NF; no activation.
//
// Function  y[c] = sum_r x[r] * W[r][c] for MW inputs r and MH outputs c, VECTORS vectors a call. y is summed modulo
//           2**(accumulator bits of lane c % PE), exact where that holds the final sum, and sign-extended to OUT_BITS.
// Folding   SF = MW/SIMD input beats a vector, NF = MH/PE output beats: input r = sf*SIMD + s is lane s of beat sf,
//           output c = nf*PE + p is lane p of beat nf.
// Memory    weights[nf*SF + sf][p][s] = W[sf*SIMD + s][nf*PE + p]; SF beats of input, which every later pass replays.
// Timing    NF*SF iterations a vector at II = 1; the first pass over a vector reads it.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include "accumulators.hpp"
#include "constants.hpp"
#include "lanes.hpp"

template <unsigned MW, unsigned MH, unsigned SIMD, unsigned PE, unsigned VECTORS, typename INPUT, typename WEIGHT,
          unsigned OUT_BITS, typename LANE_BITS, multiplier MULTIPLIER>
void mvau(hls::stream<lanes<SIMD, INPUT>>& in, hls::stream<lanes<PE, ap_int<OUT_BITS>>>& out,
          const constant<WEIGHT> (&weights)[MW / SIMD * (MH / PE)][PE][SIMD]) {
  static_assert(SIMD >= 1 && MW % SIMD == 0, "mvau: SIMD must divide MW");
  static_assert(PE >= 1 && MH % PE == 0, "mvau: PE must divide MH");
  static_assert(VECTORS >= 1, "mvau: VECTORS must be at least 1");
  static_assert(INPUT::width <= 8 && WEIGHT::width <= 9, "mvau: inputs and weights have at most 8 bits, and a sign");
  constexpr unsigned SF = MW / SIMD;
  constexpr unsigned NF = MH / PE;

  lanes<SIMD, INPUT> replay[SF];
  accumulators<MULTIPLIER, OUT_BITS, LANE_BITS> sums;
  ap_uint<index_bits(SF)> sf = 0;
  ap_uint<index_bits(NF * SF)> word = 0;
#pragma HLS array_reshape variable = weights complete dim = 2
#pragma HLS array_reshape variable = weights complete dim = 3
  for (unsigned beat = 0; beat < VECTORS * NF * SF; ++beat) {
#pragma HLS pipeline style = flp II = 1
    if (word < SF) replay[sf] = in.read();
    const lanes<SIMD, INPUT> values = replay[sf];
    INPUT x[1][SIMD];
#pragma HLS array_partition variable = x complete dim = 0
    for (unsigned s = 0; s < SIMD; ++s) {
#pragma HLS unroll
      x[0][s] = get_lane<INPUT>(values, s);
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
    word = next_of(word, NF * SF);
  }
}
