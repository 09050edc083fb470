// swg: sliding-window generator (convolution input generator) on a ring of beats; one map a call.
//
// Function  For every output pixel (oh, ow), row by row, the KH x KW window of input pixels
//           (oh*SH + kh*DH, ow*SW + kw*DW). Beat order [oh][ow][kh][kw][fold], or DEPTHWISE [oh][ow][fold][kh][kw].
//           Rows and columns that no window reaches (stride remainders) are taken and dropped.
// Memory    memory[i mod DEPTH] holds beat i; as many as from a window's first to its last.
// Timing    An iteration at II = 1 takes a beat, or sends one, or takes the one it sends: as many iterations as output
//           beats, and one for each input beat that comes before the one that is waited for (the first rows; the first
//           columns of a row; what strides skip). Nothing is taken that the next output beat does not need.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include "lanes.hpp"
#include "ring.hpp"

template <int WIDTH, unsigned FOLDS, unsigned H, unsigned W, unsigned KH, unsigned KW, unsigned SH, unsigned SW,
          unsigned DH, unsigned DW, bool DEPTHWISE, unsigned DEPTH>
void swg(hls::stream<ap_uint<WIDTH>>& in, hls::stream<ap_uint<WIDTH>>& out, ap_uint<WIDTH> (&memory)[DEPTH]) {
  static_assert(FOLDS >= 1 && H >= 1 && W >= 1, "swg: FOLDS, H and W must be at least 1");
  static_assert(KH >= 1 && KW >= 1 && SH >= 1 && SW >= 1 && DH >= 1 && DW >= 1,
                "swg: KH, KW, SH, SW, DH and DW must be at least 1");
  static_assert((KH - 1) * DH < H && (KW - 1) * DW < W,
                "swg: the window (KH, KW, DH, DW) is larger than the map (H, W)");
  constexpr unsigned OH = (H - (KH - 1) * DH - 1) / SH + 1;
  constexpr unsigned OW = (W - (KW - 1) * DW - 1) / SW + 1;
  constexpr unsigned OUT_BEATS = OH * OW * KH * KW * FOLDS;

  // Distances in beats. FAR: from the first beat of a window's first pixel to that of its last.
  constexpr int FAR = int(((KH - 1) * DH * W + (KW - 1) * DW) * FOLDS);
  constexpr int LAST = int(FOLDS) - 1;
  static_assert(int(DEPTH) >= FAR + LAST + 1, "swg: DEPTH must hold a window, from its first beat to its last");
  constexpr int NEXT_COL = int(SW * FOLDS);
  constexpr int NEXT_ROW = int(SH * W * FOLDS) - int((OW - 1) * SW * FOLDS);
  constexpr int NEXT_MAP = int((H - (OH - 1) * SH) * W * FOLDS) - int((OW - 1) * SW * FOLDS);

  // How far the read position moves, by the outermost loop that takes a step: fold, kw, kh inside of the window.
  typedef ring<WIDTH, DEPTH, H * W * FOLDS> beats;
  constexpr ring_step STEP_FOLD = beats::step(DEPTHWISE ? 1 - FAR : 1);
  constexpr ring_step STEP_KW = beats::step(int(DW * FOLDS) - (DEPTHWISE ? 0 : LAST));
  constexpr ring_step STEP_KH = beats::step(int(DH * W * FOLDS) - int((KW - 1) * DW * FOLDS) - (DEPTHWISE ? 0 : LAST));
  constexpr ring_step STEP_OW = beats::step(NEXT_COL - FAR - LAST);
  constexpr ring_step STEP_OH = beats::step(NEXT_ROW - FAR - LAST);
  constexpr ring_step STEP_MAP = beats::step(NEXT_MAP - FAR - LAST);

  beats map;
  ap_uint<index_bits(FOLDS)> fold = 0;
  ap_uint<index_bits(KW)> kw = 0;
  ap_uint<index_bits(KH)> kh = 0;
  ap_uint<index_bits(OW)> ow = 0;
  ap_uint<index_bits(OH)> oh = 0;
  ap_uint<index_bits(OUT_BEATS + 1)> sent = 0;
  while (sent < OUT_BEATS || !map.taken_all()) {
#pragma HLS pipeline style = flp II = 1
    if (sent == OUT_BEATS || !map.ready()) map.take(in, memory);
    if (sent < OUT_BEATS && map.ready()) {
      out.write(map.read(memory));
      const bool fold_last = fold == FOLDS - 1, kw_last = kw == KW - 1, kh_last = kh == KH - 1;
      const bool ow_last = ow == OW - 1, oh_last = oh == OH - 1;
      const bool window_last = fold_last && kw_last && kh_last;
      // The inner loop always steps, each other one when those inside of it end.
      const bool fold_step = !DEPTHWISE || (kw_last && kh_last);
      const bool kw_step = DEPTHWISE || fold_last;
      const bool kh_step = kw_step && kw_last;
      const ring_step end = ow_last ? (oh_last ? STEP_MAP : STEP_OH) : STEP_OW;
      const ring_step inner = DEPTHWISE ? (kw_last ? (kh_last ? STEP_FOLD : STEP_KH) : STEP_KW)
                                        : (fold_last ? (kw_last ? STEP_KH : STEP_KW) : STEP_FOLD);
      map.move(window_last ? end : inner);
      if (fold_step) fold = next_of(fold, FOLDS);
      if (kw_step) kw = next_of(kw, KW);
      if (kh_step) kh = next_of(kh, KH);
      if (window_last) ow = next_of(ow, OW);
      if (window_last && ow_last) oh = next_of(oh, OH);
      ++sent;
    }
  }
}
