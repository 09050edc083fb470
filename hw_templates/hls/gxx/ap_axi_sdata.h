// ap_axiu for g++: a beat of an AXI-Stream with its side channels, as far as the accelerator has them. Vitis HLS brings
// its own.
#pragma once

#include <ap_int.h>

template <int DATA, int USER, int ID, int DEST>
struct ap_axiu {
  static_assert(DATA % 8 == 0, "ap_axiu: whole bytes");
  static_assert(USER == 0 && ID == 0 && DEST == 0, "ap_axiu: without user, id and dest");
  ap_uint<DATA> data;
  ap_uint<DATA / 8> keep;
  ap_uint<DATA / 8> strb;
  ap_uint<1> last;
};
