// fmpadding: surrounds one feature map a call with zeros.
//
// Function  (H, W) pixels of FOLDS beats become (PAD_T+H+PAD_B, PAD_L+W+PAD_R) pixels, the new ones zero.
// Timing    One output beat an iteration at II = 1. A map begins (its leading zeros included) only when the first input
//           beat of the map is there, so that nothing of a frame comes out before the frame.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include "lanes.hpp"

template <int WIDTH, unsigned FOLDS, unsigned H, unsigned W, unsigned PAD_T, unsigned PAD_L, unsigned PAD_B,
          unsigned PAD_R>
void fmpadding(hls::stream<ap_uint<WIDTH>>& in, hls::stream<ap_uint<WIDTH>>& out) {
  static_assert(FOLDS >= 1 && H >= 1 && W >= 1, "fmpadding: FOLDS, H and W must be at least 1");
  constexpr unsigned ROWS = PAD_T + H + PAD_B;
  constexpr unsigned COLS = PAD_L + W + PAD_R;

  ap_uint<index_bits(FOLDS)> fold = 0;
  ap_uint<index_bits(COLS)> col = 0;
  ap_uint<index_bits(ROWS)> row = 0;
  ap_uint<WIDTH> value;
  for (unsigned beat = 0; beat < ROWS * COLS * FOLDS; ++beat) {
#pragma HLS pipeline style = flp II = 1
    // Unsigned: before the map the differences are large.
    const bool inside = unsigned(row) - PAD_T < H && unsigned(col) - PAD_L < W;
    const bool first = unsigned(row) == PAD_T && unsigned(col) == PAD_L && fold == 0;
    if (beat == 0 || (inside && !first)) value = in.read();
    out.write(inside ? value : ap_uint<WIDTH>(0));
    const bool fold_last = fold == FOLDS - 1, col_last = col == COLS - 1;
    fold = next_of(fold, FOLDS);
    if (fold_last) col = next_of(col, COLS);
    if (fold_last && col_last) row = next_of(row, ROWS);
  }
}
