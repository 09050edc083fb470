// globalaccpool: sum of every channel over one map a call (global average pooling without its division).
//
// Function  out[c] = sum over PIXELS pixels of in[pixel][c], modulo 2**OUTPUT::width: exact where OUTPUT holds the sum.
// Layout    A pixel is FOLDS beats of PE lanes; so is the result.
// Memory    sums[f]: the sums of beat f of the pixels so far; read and written in one iteration.
// Timing    One input beat an iteration at II = 1; the result goes out with the last pixel.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include "lanes.hpp"

template <unsigned PE, unsigned FOLDS, unsigned PIXELS, typename INPUT, typename OUTPUT>
void globalaccpool(hls::stream<lanes<PE, INPUT>>& in, hls::stream<lanes<PE, OUTPUT>>& out) {
  static_assert(PE >= 1 && FOLDS >= 1 && PIXELS >= 1, "globalaccpool: PE, FOLDS and PIXELS must be at least 1");

  lanes<PE, OUTPUT> sums[FOLDS];
  ap_uint<index_bits(FOLDS)> fold = 0;
  ap_uint<index_bits(PIXELS)> pixel = 0;
  for (unsigned beat = 0; beat < PIXELS * FOLDS; ++beat) {
#pragma HLS pipeline style = flp II = 1
    const lanes<PE, INPUT> values = in.read();
    const lanes<PE, OUTPUT> before = pixel == 0 ? lanes<PE, OUTPUT>(0) : sums[fold];
    lanes<PE, OUTPUT> word = 0;
    for (unsigned p = 0; p < PE; ++p) {
#pragma HLS unroll
      set_lane(word, p, OUTPUT(get_lane<OUTPUT>(before, p) + get_lane<INPUT>(values, p)));
    }
    sums[fold] = word;
    if (pixel == PIXELS - 1) out.write(word);
    if (fold == FOLDS - 1) pixel = next_of(pixel, PIXELS);
    fold = next_of(fold, FOLDS);
  }
}
