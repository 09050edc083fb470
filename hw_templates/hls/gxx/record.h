// record: what goes into the streams that have a DEPTH, one file a stream, for whoever compares them.
#pragma once

#include <ap_int.h>

#include <fstream>
#include <map>
#include <string>

namespace sim {

// The folder of the files, which exists; "": nothing is recorded.
inline std::string& recorded_in() {
  static std::string folder;
  return folder;
}

template <typename T>
void record(const char*, const T&) {}

template <int BITS>
void record(const char* stream, const ap_uint<BITS>& beat) {
  static std::map<std::string, std::ofstream> files;
  if (recorded_in().empty()) return;
  std::ofstream& file = files[stream];
  if (!file.is_open()) file.open(recorded_in() + "/" + stream + ".bin", std::ios::binary);
  constexpr int BYTES = (BITS + 7) / 8;
  const ap_uint<BYTES* 8> word = beat;
  for (int i = 0; i < BYTES; ++i) file.put(static_cast<char>(word.range(8 * i + 7, 8 * i).to_uint()));
}

}  // namespace sim
