// lanes: elements of a folded stream, packed into a word, lane 0 in the least significant bits.
#pragma once

#include <ap_int.h>

// Bits to count 0 ... n - 1, at least 1.
constexpr unsigned index_bits(unsigned long long n) { return n > 2 ? 1 + index_bits((n + 1) / 2) : 1; }

// The rounded-up binary logarithm of n >= 1: how many bits a sum of n terms has on top of theirs.
constexpr unsigned growth_bits(unsigned long long n) { return n > 1 ? 1 + growth_bits((n + 1) / 2) : 0; }

// A beat of N lanes of type T.
template <unsigned N, typename T>
using lanes = ap_uint<N * T::width>;

// Lane `i` of `word` as T, an ap_int or ap_uint.
template <typename T, int BITS>
T get_lane(const ap_uint<BITS>& word, unsigned i) {
#pragma HLS inline
  T value;
  value.range(T::width - 1, 0) = word.range((i + 1) * T::width - 1, i * T::width);
  return value;
}

// Makes `value` lane `i` of `word`.
template <typename T, int BITS>
void set_lane(ap_uint<BITS>& word, unsigned i, const T& value) {
#pragma HLS inline
  word.range((i + 1) * T::width - 1, i * T::width) = value.range(T::width - 1, 0);
}

// The position after `i` of `n`, the first behind the last.
template <typename T>
T next_of(const T& i, unsigned n) {
#pragma HLS inline
  return i == n - 1 ? T(0) : T(i + 1);
}
