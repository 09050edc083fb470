// ring: memory of DEPTH beats, written in order from a stream, read in an order that its user chooses.
//
// Function  Beat i of the IN_BEATS of a call goes to memory[i mod DEPTH]. The read position starts at beat 0 and moves
// by
//           the steps that the user gives. Who takes a beat only where the one to be read has not come needs no more of
//           the input than the outputs so far do.
// Memory    Whoever reads sees to it that DEPTH holds all from the oldest beat that is still to be read to the newest.
// Timing    A beat can be read in the iteration that takes it.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include "lanes.hpp"

// How far a read position moves: in beats of the stream, and around the ring.
struct ring_step {
  int beats;
  unsigned around;
};

template <int BITS, unsigned DEPTH, unsigned IN_BEATS>
class ring {
  static_assert(BITS >= 1, "ring: a beat has at least 1 bit");
  static_assert(DEPTH >= 1 && IN_BEATS >= 1, "ring: DEPTH and IN_BEATS must be at least 1");

 public:
  static constexpr ring_step step(int beats) {
    return {beats, unsigned((beats % int(DEPTH) + int(DEPTH)) % int(DEPTH))};
  }

  // Whether the beat at the read position has come.
  bool ready() const { return ahead_ > 0; }
  bool taken_all() const { return taken_ == IN_BEATS; }

  void take(hls::stream<ap_uint<BITS>>& in, ap_uint<BITS> (&memory)[DEPTH]) {
#pragma HLS inline
    memory[write_] = in.read();
    write_ = next_of(write_, DEPTH);
    ++taken_;
    ++ahead_;
  }

  ap_uint<BITS> read(const ap_uint<BITS> (&memory)[DEPTH]) const {
#pragma HLS inline
    return memory[read_];
  }

  void move(const ring_step& by) {
#pragma HLS inline
    const unsigned sum = read_ + by.around;
    read_ = sum >= DEPTH ? sum - DEPTH : sum;
    ahead_ = ahead_ - by.beats;
  }

 private:
  // Distances reach from minus all the beats of a call to all of them.
  ap_int<index_bits(IN_BEATS + 1) + 1> ahead_ = 0;  // beats taken from the read position on; negative: it is to come
  ap_uint<index_bits(IN_BEATS + 1)> taken_ = 0;
  ap_uint<index_bits(DEPTH)> write_ = 0;
  ap_uint<index_bits(DEPTH)> read_ = 0;
};
