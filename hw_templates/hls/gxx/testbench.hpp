// run_testbench: one layer as a program. Its arguments are two files of beats, each beat in whole bytes, least
// significant first: the input, which is read, and the output, which is written.
//
// The layer is called once a frame on streams that already hold every frame. Status 2: a file cannot be read or
// written; 3: the layer read an empty stream (see hls_stream.h); 4: it left input behind, or its output is not
// `out_beats` a frame.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include <cstddef>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <vector>

template <int BITS>
ap_uint<BITS> beat_from_bytes(const std::vector<char>& data, std::size_t beat) {
  constexpr int BYTES = (BITS + 7) / 8;
  ap_uint<BYTES * 8> word = 0;
  for (int i = 0; i < BYTES; ++i) {
    word.range(8 * i + 7, 8 * i) = ap_uint<8>(static_cast<unsigned char>(data[beat * BYTES + i]));
  }
  return ap_uint<BITS>(word);
}

template <int BITS>
void beat_to_bytes(const ap_uint<BITS>& beat, std::vector<char>& data) {
  constexpr int BYTES = (BITS + 7) / 8;
  const ap_uint<BYTES * 8> word = beat;
  for (int i = 0; i < BYTES; ++i) data.push_back(static_cast<char>(word.range(8 * i + 7, 8 * i).to_uint()));
}

template <int IN_BITS, int OUT_BITS>
int run_testbench(void (*layer)(hls::stream<ap_uint<IN_BITS>>&, hls::stream<ap_uint<OUT_BITS>>&), std::size_t in_beats,
                  std::size_t out_beats, int argc, char** argv) {
  if (argc != 3) return std::fprintf(stderr, "error: usage: %s INPUT OUTPUT\n", argv[0]), 2;
  std::ifstream source(argv[1], std::ios::binary);
  const std::vector<char> data((std::istreambuf_iterator<char>(source)), std::istreambuf_iterator<char>());
  const std::size_t beats = data.size() / ((IN_BITS + 7) / 8);
  if (!source || beats == 0 || beats % in_beats != 0) {
    return std::fprintf(stderr, "error: %s does not hold whole frames of %zu beats\n", argv[1], in_beats), 2;
  }
  const std::size_t frames = beats / in_beats;

  hls::stream<ap_uint<IN_BITS>> in("in");
  hls::stream<ap_uint<OUT_BITS>> out("out");
  for (std::size_t beat = 0; beat < beats; ++beat) in.write(beat_from_bytes<IN_BITS>(data, beat));
  for (std::size_t frame = 0; frame < frames; ++frame) layer(in, out);
  if (!in.empty()) return std::fprintf(stderr, "error: %zu beats are left in the input stream\n", in.size()), 4;
  if (out.size() != frames * out_beats) {
    return std::fprintf(stderr, "error: %zu beats came out instead of %zu\n", out.size(), frames * out_beats), 4;
  }

  std::vector<char> result;
  while (!out.empty()) beat_to_bytes(out.read(), result);
  std::ofstream sink(argv[2], std::ios::binary);
  sink.write(result.data(), static_cast<std::streamsize>(result.size()));
  sink.close();
  return sink ? 0 : (std::fprintf(stderr, "error: cannot write %s\n", argv[2]), 2);
}
