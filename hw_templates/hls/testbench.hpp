// testbench: runs functions on streams of beats that it reads from files, and writes what comes out; no kernel code.
//
// Of a function NAME the folder given as the program's argument has the subfolder NAME with in0.bin, in1.bin ..., and
// gets out0.bin, out1.bin ...: beats in whole bytes, least significant first. Where it has expect0.bin ... they must be
// equal. Status 2: a file cannot be read or written; 4: a stream is not empty at the end, or not as long as it must be,
// or tlast is wrong; 7: the output differs from what is expected. (3, 5, 6: see gxx/.)
#pragma once

#include <ap_axi_sdata.h>
#include <ap_int.h>
#include <hls_stream.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "running.hpp"

typedef std::vector<char> bytes;

// How a beat of type T is made of bytes, and the other way round.
template <typename T>
struct beat_of;

template <int BITS>
struct beat_of<ap_uint<BITS>> {
  static constexpr int BYTES = (BITS + 7) / 8;
  static ap_uint<BITS> from(const char* data) {
    ap_uint<BYTES* 8> word = 0;
    for (int i = 0; i < BYTES; ++i) word.range(8 * i + 7, 8 * i) = ap_uint<8>(static_cast<unsigned char>(data[i]));
    return ap_uint<BITS>(word);
  }
  static void append(const ap_uint<BITS>& beat, bytes& data) {
    const ap_uint<BYTES* 8> word = beat;
    for (int i = 0; i < BYTES; ++i) data.push_back(static_cast<char>(word.range(8 * i + 7, 8 * i).to_uint()));
  }
  static bool ends_frame(const ap_uint<BITS>&, bool wanted) { return wanted; }
};

template <int BITS>
struct beat_of<ap_axiu<BITS, 0, 0, 0>> {
  static constexpr int BYTES = BITS / 8;
  static ap_axiu<BITS, 0, 0, 0> from(const char* data) {
    ap_axiu<BITS, 0, 0, 0> beat;
    beat.data = beat_of<ap_uint<BITS>>::from(data);
    beat.keep = -1;
    beat.strb = -1;
    beat.last = 0;
    return beat;
  }
  static void append(const ap_axiu<BITS, 0, 0, 0>& beat, bytes& data) {
    beat_of<ap_uint<BITS>>::append(beat.data, data);
  }
  static bool ends_frame(const ap_axiu<BITS, 0, 0, 0>& beat, bool) { return beat.last == 1; }
};

class testbench {
 public:
  // Arguments of the program: the folder, then the names of what to run; none: everything.
  testbench(int argc, char** argv)
      : folder_(argc > 1 ? argv[1] : "."), names_(argv + (argc > 1 ? 2 : 1), argv + argc) {}

  // Calls `function`, of which the first INPUTS streams are inputs, once for each frame that the files hold.
  // `beats`: of one frame, of every stream.
  template <unsigned INPUTS, typename... T>
  void run(const char* name, void (*function)(hls::stream<T>&...), const std::vector<std::size_t>& beats) {
    const auto each = [name, function](std::size_t frames, hls::stream<T>&... streams) {
      for (std::size_t frame = 0; frame < frames; ++frame) {
        function(streams...);
        std::printf("%s: frame %zu of %zu\n", name, frame + 1, frames), std::fflush(stdout);
      }
    };
    if (wanted(name)) run_on<INPUTS, T...>(name, each, beats, std::index_sequence_for<T...>());
  }

  // Calls `function` once, with the number of frames.
  template <unsigned INPUTS, typename... T>
  void run(const char* name, void (*function)(std::size_t, hls::stream<T>&...), const std::vector<std::size_t>& beats) {
    if (wanted(name)) run_on<INPUTS, T...>(name, function, beats, std::index_sequence_for<T...>());
  }

  const std::string& folder() const { return folder_; }

  // The program's status.
  int done() const {
    if (runs_ == 0) fail(2, "nothing to run has the names given");
    return 0;
  }

 private:
  bool wanted(const char* name) {
    bool found = names_.empty();
    for (const std::string& n : names_) found = found || n == name;
    runs_ += found ? 1 : 0;
    return found;
  }

  template <unsigned INPUTS, typename... T, typename FUNCTION, std::size_t... I>
  void run_on(const char* name, FUNCTION function, const std::vector<std::size_t>& beats, std::index_sequence<I...>) {
    name_ = name;
    const std::vector<std::string> ports = {port_name(I, INPUTS)...};
    std::tuple<hls::stream<T>...> streams(ports[I].c_str()...);
    std::size_t frames = 0;
    const int read[] = {(I < INPUTS ? fill(std::get<I>(streams), ports[I], beats[I], frames) : 0)...};
    sim::running() = name;
    function(frames, std::get<I>(streams)...);
    const int written[] = {(I < INPUTS ? left(std::get<I>(streams), ports[I]) : 0)...,
                           (I < INPUTS ? 0 : drain(std::get<I>(streams), ports[I], beats[I], frames))...};
    (void)read, (void)written;
    std::printf("%s: done\n", name), std::fflush(stdout);
  }

  static std::string port_name(std::size_t i, std::size_t inputs) {
    return i < inputs ? "in" + std::to_string(i) : "out" + std::to_string(i - inputs);
  }

  template <typename T>
  int fill(hls::stream<T>& stream, const std::string& port, std::size_t beats, std::size_t& frames) {
    const bytes data = content(port, true);
    const std::size_t size = beat_of<T>::BYTES, count = data.size() / (size * beats);
    if (count == 0 || data.size() != count * size * beats || (frames != 0 && frames != count)) {
      fail(2, port + ".bin does not hold whole frames of " + std::to_string(beats) + " beats, as many as the others");
    }
    frames = count;
    for (std::size_t at = 0; at < data.size(); at += size) stream.write(beat_of<T>::from(&data[at]));
    return 0;
  }

  template <typename T>
  int left(hls::stream<T>& stream, const std::string& port) {
    std::size_t count = 0;
    for (; !stream.empty(); ++count) stream.read();
    if (count) fail(4, std::to_string(count) + " beats are left in the stream '" + port + "'");
    return 0;
  }

  template <typename T>
  int drain(hls::stream<T>& stream, const std::string& port, std::size_t beats, std::size_t frames) {
    bytes data;
    std::size_t count = 0;
    for (; !stream.empty(); ++count) {
      const T beat = stream.read();
      beat_of<T>::append(beat, data);
      const bool wanted = count % beats == beats - 1;
      if (beat_of<T>::ends_frame(beat, wanted) != wanted) {
        fail(4, "tlast is " + std::string(wanted ? "0" : "1") + " at beat " + std::to_string(count) + " of '" + port +
                    "'");
      }
    }
    if (count != frames * beats) {
      fail(4, std::to_string(count) + " beats came out of '" + port + "' instead of " + std::to_string(frames * beats));
    }
    std::ofstream sink(path(port), std::ios::binary);
    sink.write(data.data(), static_cast<std::streamsize>(data.size()));
    sink.close();
    if (!sink) fail(2, "cannot write " + path(port));
    compare(data, content("expect" + port.substr(3), false), beat_of<T>::BYTES, port);
    return 0;
  }

  void compare(const bytes& got, const bytes& expected, std::size_t size, const std::string& port) const {
    if (expected.empty()) return;
    if (got.size() != expected.size()) fail(7, "'" + port + "' is not as long as what is expected");
    for (std::size_t i = 0; i < got.size(); ++i) {
      if (got[i] != expected[i])
        fail(7, "'" + port + "' differs from what is expected at beat " + std::to_string(i / size));
    }
  }

  std::string path(const std::string& file) const { return folder_ + "/" + name_ + "/" + file + ".bin"; }

  bytes content(const std::string& file, bool needed) const {
    std::ifstream source(path(file), std::ios::binary);
    if (!source && needed) fail(2, "cannot read " + path(file));
    return bytes((std::istreambuf_iterator<char>(source)), std::istreambuf_iterator<char>());
  }

  [[noreturn]] void fail(int status, const std::string& message) const {
    std::fprintf(stderr, "error: %s: %s\n", name_.c_str(), message.c_str());
    std::exit(status);
  }

  std::string folder_, name_ = "testbench";
  std::vector<std::string> names_;
  unsigned runs_ = 0;
};
