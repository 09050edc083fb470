// depthtospace: pixel shuffle of one map a call; BLOCK x BLOCK groups of channels become as many pixels.
//
// Function  A row of W pixels of BLOCK rows of SEGMENT beats each becomes BLOCK rows: row i takes the beats
//           i*SEGMENT ... (i+1)*SEGMENT - 1 of every pixel in turn, which hold BLOCK pixels side by side.
// Memory    A ring of DEPTH beats: one input row, less the last segment.
// Timing    An iteration at II = 1 takes a beat, or sends one, or takes the one it sends: for BLOCK = 2 three for every
//           two beats.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include "lanes.hpp"
#include "ring.hpp"

template <int WIDTH, unsigned SEGMENT, unsigned H, unsigned W, unsigned BLOCK, unsigned DEPTH>
void depthtospace(hls::stream<ap_uint<WIDTH>>& in, hls::stream<ap_uint<WIDTH>>& out, ap_uint<WIDTH> (&memory)[DEPTH]) {
  static_assert(SEGMENT >= 1 && H >= 1 && W >= 1, "depthtospace: SEGMENT, H and W must be at least 1");
  static_assert(BLOCK >= 1 && SEGMENT % BLOCK == 0, "depthtospace: BLOCK must be at least 1 and divide SEGMENT");
  static_assert(DEPTH >= (BLOCK > 1 ? SEGMENT * (W * BLOCK - 1) + 1 : 1),
                "depthtospace: DEPTH must hold a row, less the last segment");
  constexpr unsigned BEATS = H * W * BLOCK * SEGMENT;
  typedef ring<WIDTH, DEPTH, BEATS> beats;
  constexpr ring_step STEP_ON = beats::step(1);
  constexpr ring_step STEP_PIXEL = beats::step(int((BLOCK - 1) * SEGMENT) + 1);
  constexpr ring_step STEP_ROW = beats::step(1 - int((W - 1) * BLOCK * SEGMENT));

  beats map;
  ap_uint<index_bits(SEGMENT)> beat = 0;
  ap_uint<index_bits(W)> pixel = 0;
  ap_uint<index_bits(BLOCK)> row = 0;
  ap_uint<index_bits(BEATS + 1)> sent = 0;
  while (sent < BEATS) {
#pragma HLS pipeline style = flp II = 1
    if (!map.ready()) map.take(in, memory);
    if (map.ready()) {
      out.write(map.read(memory));
      const bool beat_last = beat == SEGMENT - 1, pixel_last = pixel == W - 1, row_last = row == BLOCK - 1;
      const ring_step end = pixel_last ? (row_last ? STEP_ON : STEP_ROW) : STEP_PIXEL;
      map.move(beat_last ? end : STEP_ON);
      beat = next_of(beat, SEGMENT);
      if (beat_last) pixel = next_of(pixel, W);
      if (beat_last && pixel_last) row = next_of(row, BLOCK);
      ++sent;
    }
  }
}
