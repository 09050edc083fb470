// fmpadding_pixel: zeros between the pixels of one map a call (the input side of a transposed convolution).
//
// Function  (H, W) pixels of FOLDS beats become ((H-1)*SH + 1, (W-1)*SW + 1) pixels: input pixel (h, w) is the output
//           pixel (h*SH, w*SW), the others are zero.
// Timing    One output beat an iteration at II = 1.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include "lanes.hpp"

template <int WIDTH, unsigned FOLDS, unsigned H, unsigned W, unsigned SH, unsigned SW>
void fmpadding_pixel(hls::stream<ap_uint<WIDTH>>& in, hls::stream<ap_uint<WIDTH>>& out) {
  static_assert(FOLDS >= 1 && H >= 1 && W >= 1, "fmpadding_pixel: FOLDS, H and W must be at least 1");
  static_assert(SH >= 1 && SW >= 1, "fmpadding_pixel: SH and SW must be at least 1");
  constexpr unsigned ROWS = (H - 1) * SH + 1;
  constexpr unsigned COLS = (W - 1) * SW + 1;

  ap_uint<index_bits(FOLDS)> fold = 0;
  ap_uint<index_bits(COLS)> col = 0;
  // How many output pixels since the last that has an input pixel.
  ap_uint<index_bits(SW)> col_phase = 0;
  ap_uint<index_bits(SH)> row_phase = 0;
  for (unsigned beat = 0; beat < ROWS * COLS * FOLDS; ++beat) {
#pragma HLS pipeline style = flp II = 1
    out.write(row_phase == 0 && col_phase == 0 ? in.read() : ap_uint<WIDTH>(0));
    const bool fold_last = fold == FOLDS - 1, col_last = col == COLS - 1;
    fold = next_of(fold, FOLDS);
    if (fold_last) {
      col = next_of(col, COLS);
      col_phase = col_last ? ap_uint<index_bits(SW)>(0) : next_of(col_phase, SW);
      if (col_last) row_phase = next_of(row_phase, SH);
    }
  }
}
