// ring: memory of DEPTH beats, written in order from a stream, read in an order that its user chooses.
//
// Function  Beat i of the IN_BEATS of a call goes to memory[i mod DEPTH]. The read position starts at beat 0; whoever
// has
//           read there moves it on, and gives up the oldest beats to make room for new ones.
// Timing    A beat can be read in the iteration after the one that took it. Taking never waits, so that what reads
// needs
//           no more of the input than the beat it reads.
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

  bool ready() const { return ahead_ > 0; }
  bool taken_all() const { return taken_ == IN_BEATS; }

  // Takes a beat if one waits and there is room for it.
  void take(hls::stream<ap_uint<BITS>>& in, ap_uint<BITS> (&memory)[DEPTH]) {
#pragma HLS inline
    ap_uint<BITS> beat;
    if (held_ == int(DEPTH) || taken_all() || !in.read_nb(beat)) return;
    memory[write_] = beat;
    write_ = next_of(write_, DEPTH);
    ++taken_;
    ++ahead_;
    ++held_;
  }

  ap_uint<BITS> read(const ap_uint<BITS> (&memory)[DEPTH]) const {
#pragma HLS inline
    return memory[read_];
  }

  // `given_up`: how many of the oldest beats nothing reads any more, those included that have not come.
  void move(const ring_step& by, int given_up) {
#pragma HLS inline
    const unsigned sum = read_ + by.around;
    read_ = sum >= DEPTH ? sum - DEPTH : sum;
    ahead_ = ahead_ - by.beats;
    held_ = held_ - given_up;
  }

 private:
  // Distances reach from minus all the beats of a call to all of them.
  typedef ap_int<index_bits(IN_BEATS + DEPTH + 1) + 1> distance;

  distance ahead_ = 0;  // beats taken from the read position on; negative: it is yet to come
  distance held_ = 0;   // beats taken and not given up; negative: given up before they came
  ap_uint<index_bits(IN_BEATS + 1)> taken_ = 0;
  ap_uint<index_bits(DEPTH)> write_ = 0;
  ap_uint<index_bits(DEPTH)> read_ = 0;
};
