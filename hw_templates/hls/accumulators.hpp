// accumulators: one a lane, each of its own width, which add dot products.
//
// Function  a[p] = (first ? 0 : a[p]) + sum_s x[p][s] * w[p][s], modulo 2**(bits of lane p).
// Widths    A product has the bits of both operands, the adder tree grows by one bit a level; neither is wider than the
//           accumulator, because bits above it do not come back.
// Checks    A g++ build with -DCHECK_RANGE keeps all bits and ends at the first sum that its accumulator does not hold.
#pragma once

#include <ap_int.h>

#include "constants.hpp"
#include "lanes.hpp"
#ifdef CHECK_RANGE
#include <check_range.h>
#endif

// The widths of the accumulators of lanes 0, 1, ...
template <unsigned... BITS>
struct lane_bits;

// What a product is made of.
enum class multiplier { fabric, dsp };

template <multiplier MULTIPLIER>
struct product_of;

template <>
struct product_of<multiplier::fabric> {
  template <int BITS, typename INPUT, typename WEIGHT>
  static ap_int<BITS> get(const INPUT& x, const WEIGHT& w) {
#pragma HLS inline
    const ap_int<BITS> product = x * w;
#pragma HLS bind_op variable = product op = mul impl = fabric
    return product;
  }
};

template <>
struct product_of<multiplier::dsp> {
  template <int BITS, typename INPUT, typename WEIGHT>
  static ap_int<BITS> get(const INPUT& x, const WEIGHT& w) {
#pragma HLS inline
    const ap_int<BITS> product = x * w;
#pragma HLS bind_op variable = product op = mul impl = dsp
    return product;
  }
};

constexpr unsigned smaller_of(unsigned a, unsigned b) { return a < b ? a : b; }

// The accumulators of the last lanes: the type of lane p holds those of the lanes after it.
template <multiplier MULTIPLIER, unsigned OUT_BITS, typename LANE_BITS>
class accumulators;

template <multiplier MULTIPLIER, unsigned OUT_BITS>
class accumulators<MULTIPLIER, OUT_BITS, lane_bits<>> {
 public:
  template <typename INPUT, typename WEIGHT, unsigned ROWS, unsigned PE, unsigned SIMD>
  void add(bool, unsigned, const INPUT (&)[ROWS][SIMD], const WEIGHT (&)[PE][SIMD]) {}
  template <int BITS>
  void write_to(ap_uint<BITS>&) const {}
};

template <multiplier MULTIPLIER, unsigned OUT_BITS, unsigned ACC_BITS, unsigned... OTHERS>
class accumulators<MULTIPLIER, OUT_BITS, lane_bits<ACC_BITS, OTHERS...>> {
  static_assert(ACC_BITS >= 1 && ACC_BITS <= OUT_BITS, "accumulators: each must have 1 ... OUT_BITS bits");

 public:
  // Adds the dot product of this lane's inputs and weights, or starts with it. `x`: one row for all lanes, or one each;
  // `channel`: that of lane 0, for messages.
  template <typename INPUT, typename WEIGHT, unsigned ROWS, unsigned PE, unsigned SIMD>
  void add(bool first, unsigned channel, const INPUT (&x)[ROWS][SIMD], const WEIGHT (&w)[PE][SIMD]) {
#pragma HLS inline
    static_assert(ROWS == 1 || ROWS == PE, "accumulators: inputs are the same for all lanes, or each has its own");
    constexpr unsigned LANE = PE - 1 - sizeof...(OTHERS);
    constexpr unsigned PRODUCT_BITS = INPUT::width + WEIGHT::width;
#ifdef CHECK_RANGE
    constexpr unsigned KEPT_BITS = PRODUCT_BITS + growth_bits(SIMD);
#else
    constexpr unsigned KEPT_BITS = smaller_of(ACC_BITS, PRODUCT_BITS + growth_bits(SIMD));
#endif
    ap_int<KEPT_BITS> dot = 0;
    for (unsigned s = 0; s < SIMD; ++s) {
#pragma HLS unroll
      dot += product_of<MULTIPLIER>::template get<smaller_of(PRODUCT_BITS, KEPT_BITS)>(x[ROWS > 1 ? LANE : 0][s],
                                                                                       w[LANE][s]);
    }
    const ap_int<ACC_BITS> before = first ? ap_int<ACC_BITS>(0) : accumulator_;
#ifdef CHECK_RANGE
    check_range(before + dot, ACC_BITS, channel + LANE);
#endif
    accumulator_ = before + dot;
    others_.add(first, channel, x, w);
  }

  template <int BITS>
  void write_to(ap_uint<BITS>& word) const {
#pragma HLS inline
    set_lane(word, BITS / OUT_BITS - 1 - sizeof...(OTHERS), ap_int<OUT_BITS>(accumulator_));
    others_.write_to(word);
  }

 private:
  ap_int<ACC_BITS> accumulator_;
  accumulators<MULTIPLIER, OUT_BITS, lane_bits<OTHERS...>> others_;
};

// The elements of a word of a table of weights, in the type that they stand for.
template <typename T, unsigned ROWS, unsigned COLUMNS>
void read_word(const constant<T> (&word)[ROWS][COLUMNS], T (&values)[ROWS][COLUMNS]) {
#pragma HLS inline
  for (unsigned row = 0; row < ROWS; ++row) {
#pragma HLS unroll
    for (unsigned column = 0; column < COLUMNS; ++column) {
#pragma HLS unroll
      values[row][column] = T(word[row][column]);
    }
  }
}
