// depthtospace: pixel shuffle of one map a call; BLOCK x BLOCK groups of channels become as many pixels.
//
// Function  A row of W pixels of BLOCK rows of SEGMENT beats each becomes BLOCK rows: row i takes the beats
//           i*SEGMENT ... (i+1)*SEGMENT - 1 of every pixel in turn, which hold BLOCK pixels side by side.
// Memory    A ring of DEPTH beats, at least (BLOCK-1) * SEGMENT * (2*W-1) + 2: see depthtospace.sv.
// Timing    One beat in and one out an iteration at II = 1: as many as beats, and those until the first row can go on.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include "lanes.hpp"
#include "ring.hpp"

template <int WIDTH, unsigned SEGMENT, unsigned H, unsigned W, unsigned BLOCK, unsigned DEPTH>
void depthtospace(hls::stream<ap_uint<WIDTH>>& in, hls::stream<ap_uint<WIDTH>>& out, ap_uint<WIDTH> (&memory)[DEPTH]) {
  static_assert(SEGMENT >= 1 && H >= 1 && W >= 1, "depthtospace: SEGMENT, H and W must be at least 1");
  static_assert(BLOCK >= 1 && SEGMENT % BLOCK == 0, "depthtospace: BLOCK must be at least 1 and divide SEGMENT");
  constexpr unsigned OTHERS = (BLOCK - 1) * SEGMENT;  // beats of a pixel that belong to other rows
  static_assert(DEPTH >= OTHERS * (2 * W - 1) + 2, "depthtospace: DEPTH must be at least OTHERS * (2*W - 1) + 2");
  constexpr unsigned BEATS = H * W * BLOCK * SEGMENT;
  typedef ring<WIDTH, DEPTH, BEATS> beats;
  constexpr ring_step STEP_ON = beats::step(1);
  constexpr ring_step STEP_PIXEL = beats::step(int(OTHERS) + 1);
  constexpr ring_step STEP_ROW = beats::step(1 - int((W - 1) * BLOCK * SEGMENT));

  beats map;
  ap_uint<index_bits(SEGMENT)> beat = 0;
  ap_uint<index_bits(W)> pixel = 0;
  ap_uint<index_bits(BLOCK)> row = 0;
  ap_uint<index_bits(BEATS + 1)> sent = 0;
  while (sent < BEATS) {
#pragma HLS pipeline style = flp II = 1
    const bool send = map.ready();
    if (send) out.write(map.read(memory));
    map.take(in, memory);
    if (send) {
      const bool beat_last = beat == SEGMENT - 1, pixel_last = pixel == W - 1, row_last = row == BLOCK - 1;
      const ring_step end = pixel_last ? (row_last ? STEP_ON : STEP_ROW) : STEP_PIXEL;
      // Only the last row is through with anything: at its first beat with all of the pixel before it.
      map.move(beat_last ? end : STEP_ON, row_last ? (beat == 0 ? int(OTHERS) + 1 : 1) : 0);
      beat = next_of(beat, SEGMENT);
      if (beat_last) pixel = next_of(pixel, W);
      if (beat_last && pixel_last) row = next_of(row, BLOCK);
      ++sent;
    }
  }
}
