// labelselect_topk: indices of the K largest of CLASSES values a call, the largest first, of equal ones the lowest
// first.
//
// Function  One value a beat in; K indices out, one a beat.
// Method    A sorted list of K values, into which every value is inserted in one iteration: what is smaller moves down
//           by one. When all are in, the list goes out.
// Timing    CLASSES + K iterations at II = 1.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include "lanes.hpp"

template <unsigned CLASSES, unsigned K, typename INPUT, int INDEX_BITS>
void labelselect_topk(hls::stream<ap_uint<INPUT::width>>& in, hls::stream<ap_uint<INDEX_BITS>>& out) {
  static_assert(K >= 2 && K <= CLASSES, "labelselect_topk: K must be 2 ... CLASSES");
  static_assert(INDEX_BITS >= 1 && INDEX_BITS <= 31 && 1u << INDEX_BITS >= CLASSES,
                "labelselect_topk: INDEX_BITS must hold CLASSES - 1");

  INPUT value[K];
  ap_uint<INDEX_BITS> index[K];
#pragma HLS array_partition variable = value complete
#pragma HLS array_partition variable = index complete
  for (unsigned beat = 0; beat < CLASSES + K; ++beat) {
#pragma HLS pipeline style = flp II = 1
    if (beat < CLASSES) {
      const INPUT x = get_lane<INPUT>(in.read(), 0);
      // From the end of the list, so that entry j - 1 is still what it was.
      for (unsigned j = K; j-- > 0;) {
#pragma HLS unroll
        const bool before = beat <= j || x > value[j];                     // x goes before entry j
        const bool above = j > 0 && (beat < j || x > value[j - (j > 0)]);  // and before the one above it
        if (before) {
          value[j] = above ? value[j - (j > 0)] : x;
          index[j] = above ? index[j - (j > 0)] : ap_uint<INDEX_BITS>(beat);
        }
      }
    } else {
      out.write(index[0]);
      for (unsigned j = 0; j + 1 < K; ++j) {
#pragma HLS unroll
        index[j] = index[j + 1];
      }
    }
  }
}
