// mvau: matrix-vector product of a stream of vectors and a constant matrix, folded SF x NF; no activation.
//
// Function  y[c] = sum_r x[r] * W[r][c] for MW inputs r and MH outputs c, VECTORS vectors a call. y is summed modulo
//           2**(accumulator bits of lane c % PE), exact where that holds the final sum, and sign-extended to OUT_BITS.
// Folding   SF = MW/SIMD input beats a vector, NF = MH/PE output beats: input r = sf*SIMD + s is lane s of beat sf,
//           output c = nf*PE + p is lane p of beat nf.
// Memory    weights[nf*SF + sf][p][s] = W[sf*SIMD + s][nf*PE + p]
// Timing    NF*SF iterations a vector at II = 1; the first pass over a vector reads it, the others replay it.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include "lanes.hpp"

// The accumulators of the last lanes, each with its own width; the type of lane p holds those of the lanes after it.
template <unsigned OUT_BITS, unsigned... ACC_BITS>
class mvau_accumulators;

template <unsigned OUT_BITS>
class mvau_accumulators<OUT_BITS> {
 public:
  template <typename INPUT, typename WEIGHT, unsigned PE, unsigned SIMD>
  void add(bool, const INPUT (&)[SIMD], const WEIGHT (&)[PE][SIMD]) {}
  template <int BITS>
  void write_to(ap_uint<BITS>&) const {}
};

template <unsigned OUT_BITS, unsigned ACC_BITS, unsigned... OTHERS>
class mvau_accumulators<OUT_BITS, ACC_BITS, OTHERS...> {
  static_assert(ACC_BITS >= 1 && ACC_BITS <= OUT_BITS, "mvau: an accumulator must have 1 ... OUT_BITS bits");

 public:
  // Adds the dot product of the inputs and this lane's weights, or starts with it.
  template <typename INPUT, typename WEIGHT, unsigned PE, unsigned SIMD>
  void add(bool first, const INPUT (&x)[SIMD], const WEIGHT (&w)[PE][SIMD]) {
#pragma HLS inline
    ap_int<INPUT::width + WEIGHT::width + 1 + index_bits(SIMD)> dot = 0;
    for (unsigned s = 0; s < SIMD; ++s) {
#pragma HLS unroll
      const ap_int<INPUT::width + WEIGHT::width + 1> product = x[s] * w[PE - 1 - sizeof...(OTHERS)][s];
#pragma HLS bind_op variable = product op = mul impl = fabric
      dot += product;
    }
    accumulator_ = (first ? ap_int<ACC_BITS>(0) : accumulator_) + dot;
    others_.add(first, x, w);
  }

  template <int BITS>
  void write_to(ap_uint<BITS>& word) const {
#pragma HLS inline
    set_lane(word, BITS / OUT_BITS - 1 - sizeof...(OTHERS), ap_int<OUT_BITS>(accumulator_));
    others_.write_to(word);
  }

 private:
  ap_int<ACC_BITS> accumulator_;
  mvau_accumulators<OUT_BITS, OTHERS...> others_;
};

template <unsigned MW, unsigned MH, unsigned SIMD, unsigned PE, unsigned VECTORS, typename INPUT, typename WEIGHT,
          unsigned OUT_BITS, unsigned... ACC_BITS>
void mvau(hls::stream<ap_uint<SIMD * INPUT::width>>& in, hls::stream<ap_uint<PE * OUT_BITS>>& out,
          const WEIGHT (&weights)[MW / SIMD * (MH / PE)][PE][SIMD]) {
  static_assert(MW % SIMD == 0, "mvau: SIMD must divide MW");
  static_assert(MH % PE == 0, "mvau: PE must divide MH");
  static_assert(sizeof...(ACC_BITS) == PE, "mvau: one accumulator width a lane");
  constexpr unsigned SF = MW / SIMD;
  constexpr unsigned NF = MH / PE;

  ap_uint<SIMD * INPUT::width> replay[SF];
  mvau_accumulators<OUT_BITS, ACC_BITS...> accumulators;
  ap_uint<index_bits(SF)> sf = 0;
  ap_uint<index_bits(NF * SF)> word = 0;
#pragma HLS array_reshape variable = weights complete dim = 2
#pragma HLS array_reshape variable = weights complete dim = 3
  for (unsigned beat = 0; beat < VECTORS * NF * SF; ++beat) {
#pragma HLS pipeline style = flp II = 1
    if (word < SF) replay[sf] = in.read();
    INPUT x[SIMD];
#pragma HLS array_partition variable = x complete
    for (unsigned s = 0; s < SIMD; ++s) {
#pragma HLS unroll
      x[s] = get_lane<INPUT>(replay[sf], s);
    }
    accumulators.add(sf == 0, x, weights[word]);
    if (sf == SF - 1) {
      ap_uint<PE * OUT_BITS> result = 0;
      accumulators.write_to(result);
      out.write(result);
    }
    sf = sf == SF - 1 ? 0 : unsigned(sf) + 1;
    word = word == NF * SF - 1 ? 0 : unsigned(word) + 1;
  }
}
