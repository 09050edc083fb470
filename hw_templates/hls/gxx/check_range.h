// check_range: for g++ builds with -DCHECK_RANGE; ends the program, with status 5, at the first sum that overflows.
#pragma once

#include <ap_int.h>

#include <cstdio>
#include <cstdlib>

#include "running.hpp"

template <int BITS>
void check_range(const ap_int<BITS>& sum, unsigned acc_bits, unsigned channel) {
  const long long value = sum.to_int64(), limit = 1LL << (acc_bits - 1);
  if (-limit <= value && value < limit) return;
  std::fprintf(stderr, "error: %s: channel %u: the partial sum %lld does not fit its accumulator of %u bits\n",
               sim::running(), channel, value, acc_bits);
  std::exit(5);
}
