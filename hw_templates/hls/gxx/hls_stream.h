// hls::stream for g++: a queue, so that kernels run as plain C++. Vitis HLS brings its own.
//
// Alone, a kernel finds all its input there and puts out as much as it likes; a read that finds nothing is a fault and
// ends the program with status 3. Among sim::processes (see processes.h) it waits, and a stream with a DEPTH has that
// many entries. A stream with a DEPTH must be empty when its scope ends, else the program ends with status 4.
#pragma once

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <deque>

#include "processes.h"
#include "record.h"

namespace hls {

template <typename T, int DEPTH = 0>
class stream;

template <typename T>
class stream<T, 0> {
 public:
  explicit stream(const char* name = "stream") : stream(name, 0, false) {}
  stream(const stream&) = delete;
  stream& operator=(const stream&) = delete;

  bool empty() const { return beats_.empty(); }
  bool full() const { return depth_ > 0 && beats_.size() >= depth_; }
  std::size_t size() const { return beats_.size(); }
  const char* name() const { return name_; }

  T read() {
    while (empty()) sim::wait({name_, sim::state::empty});
    return take();
  }
  void write(const T& value) {
    while (full()) sim::wait({name_, sim::state::full});
    put(value);
  }

 protected:
  stream(const char* name, std::size_t depth, bool inner) : name_(name), depth_(depth), inner_(inner) {}

 private:
  T take() {
    const T value = beats_.front();
    beats_.pop_front();
    sim::moved();
    return value;
  }
  void put(const T& value) {
    beats_.push_back(value);
    sim::moved();
    if (inner_) sim::record(name_, value);
  }

  const char* name_;
  std::size_t depth_;
  bool inner_;
  std::deque<T> beats_;
};

template <typename T, int DEPTH>
class stream : public stream<T, 0> {
 public:
  explicit stream(const char* name = "stream") : stream<T, 0>(name, sim::processes::active() ? DEPTH : 0, true) {}
  ~stream() {
    if (this->empty()) return;
    std::fprintf(stderr, "error: %zu beats are left in the stream '%s'\n", this->size(), this->name());
    std::exit(4);
  }
};

}  // namespace hls
