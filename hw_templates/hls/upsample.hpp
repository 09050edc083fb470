// upsample: nearest-neighbour upsampling of one map a call.
//
// Function  Every pixel of a row comes COLUMNS times in a row, and every such row ROWS times.
// Memory    A ring of DEPTH beats: one row (ROWS = 1: one pixel).
// Timing    As many iterations as output beats at II = 1; the first copy of a beat is sent in the one that takes it.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include "lanes.hpp"
#include "ring.hpp"

template <int WIDTH, unsigned FOLDS, unsigned H, unsigned W, unsigned ROWS, unsigned COLUMNS, unsigned DEPTH>
void upsample(hls::stream<ap_uint<WIDTH>>& in, hls::stream<ap_uint<WIDTH>>& out, ap_uint<WIDTH> (&memory)[DEPTH]) {
  static_assert(FOLDS >= 1 && H >= 1 && W >= 1, "upsample: FOLDS, H and W must be at least 1");
  static_assert(ROWS >= 1 && COLUMNS >= 1, "upsample: ROWS and COLUMNS must be at least 1");
  static_assert(DEPTH >= (ROWS > 1 ? W * FOLDS : FOLDS), "upsample: DEPTH must hold what comes again");
  constexpr unsigned OUT_BEATS = H * ROWS * W * COLUMNS * FOLDS;
  typedef ring<WIDTH, DEPTH, H * W * FOLDS> beats;
  constexpr ring_step STEP_ON = beats::step(1);
  constexpr ring_step STEP_COLUMN = beats::step(1 - int(FOLDS));
  constexpr ring_step STEP_ROW = beats::step(1 - int(W * FOLDS));

  beats map;
  ap_uint<index_bits(FOLDS)> fold = 0;
  ap_uint<index_bits(COLUMNS)> column = 0;
  ap_uint<index_bits(W)> pixel = 0;
  ap_uint<index_bits(ROWS)> row = 0;
  ap_uint<index_bits(OUT_BEATS + 1)> sent = 0;
  while (sent < OUT_BEATS) {
#pragma HLS pipeline style = flp II = 1
    if (!map.ready()) map.take(in, memory);
    if (map.ready()) {
      out.write(map.read(memory));
      const bool fold_last = fold == FOLDS - 1, column_last = column == COLUMNS - 1;
      const bool pixel_last = pixel == W - 1, row_last = row == ROWS - 1;
      const ring_step end = column_last ? (pixel_last && !row_last ? STEP_ROW : STEP_ON) : STEP_COLUMN;
      map.move(fold_last ? end : STEP_ON);
      fold = next_of(fold, FOLDS);
      if (fold_last) column = next_of(column, COLUMNS);
      if (fold_last && column_last) pixel = next_of(pixel, W);
      if (fold_last && column_last && pixel_last) row = next_of(row, ROWS);
      ++sent;
    }
  }
}
