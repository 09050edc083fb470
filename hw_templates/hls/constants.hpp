// constants: the elements of tables of constants.
//
// Function  constant<T> is T, an ap_int or ap_uint, where a memory is synthesized, which so is as wide as its words;
//           elsewhere the smallest C++ integer that holds every T. T(element) is the value in both.
// Why       To g++ an ap_int is an object that is made when the program starts, and the time to compile a table of them
//           grows with the square of its size: 6 s for 4,096. Integers are data.
#pragma once

#include <ap_int.h>

#include <type_traits>

template <bool SIGNED, int BITS>
struct plain {
  static_assert(BITS >= 1 && BITS <= 64, "constant: an integer has 1 ... 64 bits");
  typedef typename std::conditional<
      (BITS <= 8), signed char,
      typename std::conditional<(BITS <= 16), short,
                                typename std::conditional<(BITS <= 32), int, long long>::type>::type>::type
      signed_integer;
  typedef
      typename std::conditional<SIGNED, signed_integer, typename std::make_unsigned<signed_integer>::type>::type type;
};

template <typename T>
struct plain_of;

template <int BITS>
struct plain_of<ap_int<BITS>> : plain<true, BITS> {};

template <int BITS>
struct plain_of<ap_uint<BITS>> : plain<false, BITS> {};

#ifdef __SYNTHESIS__
template <typename T>
using constant = T;
#else
template <typename T>
using constant = typename plain_of<T>::type;
#endif
