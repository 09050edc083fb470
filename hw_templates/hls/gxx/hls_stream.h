// hls::stream for g++: a queue, so that kernels run as plain C++. Vitis HLS brings its own.
//
// Reading an empty stream is a fault of the kernel: it ends the program with a message and status 3.
#pragma once

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <deque>

namespace hls {

template <typename T>
class stream {
 public:
  explicit stream(const char* name = "stream") : name_(name) {}
  stream(const stream&) = delete;
  stream& operator=(const stream&) = delete;

  bool empty() const { return beats_.empty(); }
  std::size_t size() const { return beats_.size(); }
  void write(const T& value) { beats_.push_back(value); }

  T read() {
    if (beats_.empty()) {
      std::fprintf(stderr, "error: read from the empty stream '%s'\n", name_);
      std::exit(3);
    }
    const T value = beats_.front();
    beats_.pop_front();
    return value;
  }

 private:
  const char* name_;
  std::deque<T> beats_;
};

}  // namespace hls
