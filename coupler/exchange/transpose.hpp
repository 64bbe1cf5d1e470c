// The transposition at the heart of pack and unpack: lines that are contiguous along one axis become lines that are
// contiguous along the other, with conversion of kind.
#pragma once

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "coupler/base/bytes.hpp"

namespace ekman {

#if defined(__GNUC__)

// Vectors of 16 bytes, which every x86-64 and every 64-bit ARM has.
using Floats [[gnu::vector_size(16)]] = float;
using HalfFloats [[gnu::vector_size(8)]] = float;
using Doubles [[gnu::vector_size(16)]] = double;

inline void transpose_lines(Floats (&line)[4]) {
  const Floats low01 = __builtin_shufflevector(line[0], line[1], 0, 4, 1, 5);
  const Floats high01 = __builtin_shufflevector(line[0], line[1], 2, 6, 3, 7);
  const Floats low23 = __builtin_shufflevector(line[2], line[3], 0, 4, 1, 5);
  const Floats high23 = __builtin_shufflevector(line[2], line[3], 2, 6, 3, 7);
  line[0] = __builtin_shufflevector(low01, low23, 0, 1, 4, 5);
  line[1] = __builtin_shufflevector(low01, low23, 2, 3, 6, 7);
  line[2] = __builtin_shufflevector(high01, high23, 0, 1, 4, 5);
  line[3] = __builtin_shufflevector(high01, high23, 2, 3, 6, 7);
}

#if defined(__SSE2__)
// GCC 12 makes single conversions of __builtin_convertvector between vectors of two.
inline Floats floats_of(Doubles low, Doubles high) { return _mm_movelh_ps(_mm_cvtpd_ps(low), _mm_cvtpd_ps(high)); }
inline Doubles low_doubles_of(Floats line) { return _mm_cvtps_pd(line); }
inline Doubles high_doubles_of(Floats line) { return _mm_cvtps_pd(_mm_movehl_ps(line, line)); }
#else
inline Floats floats_of(Doubles low, Doubles high) {
  return __builtin_shufflevector(__builtin_convertvector(low, HalfFloats), __builtin_convertvector(high, HalfFloats), 0,
                                 1, 2, 3);
}
inline Doubles low_doubles_of(Floats line) {
  return __builtin_convertvector(__builtin_shufflevector(line, line, 0, 1), Doubles);
}
inline Doubles high_doubles_of(Floats line) {
  return __builtin_convertvector(__builtin_shufflevector(line, line, 2, 3), Doubles);
}
#endif

inline void read_line(const std::byte* from, float, Floats& line) { line = load<Floats>(from); }
inline void read_line(const std::byte* from, double, Floats& line) {
  line = floats_of(load<Doubles>(from), load<Doubles>(from + 16));
}
inline void write_line(const Floats& line, std::byte* to, float) { store(to, line); }
inline void write_line(const Floats& line, std::byte* to, double) {
  store(to, low_doubles_of(line));
  store(to + 16, high_doubles_of(line));
}

// Tile of 4 x 4: line i of `from` becomes column i of `to`. Inline, since a call costs a third of it.
template <class From, class To>
[[gnu::always_inline]] inline void transpose_tile(const std::byte* from, std::int64_t from_line, std::byte* to,
                                                  std::int64_t to_line) {
  if constexpr (sizeof(From) == 8 && sizeof(To) == 8) {
    for (int i = 0; i < 4; i += 2) {
      for (int j = 0; j < 4; j += 2) {
        const auto a = load<Doubles>(from + i * from_line + j * 8),
                   b = load<Doubles>(from + (i + 1) * from_line + j * 8);
        store<Doubles>(to + j * to_line + i * 8, __builtin_shufflevector(a, b, 0, 2));
        store<Doubles>(to + (j + 1) * to_line + i * 8, __builtin_shufflevector(a, b, 1, 3));
      }
    }
  } else {
    Floats line[4];
    for (int i = 0; i < 4; ++i) read_line(from + i * from_line, From{}, line[i]);
    transpose_lines(line);
    for (int j = 0; j < 4; ++j) write_line(line[j], to + j * to_line, To{});
  }
}

#else

template <class From, class To>
void transpose_tile(const std::byte* from, std::int64_t from_line, std::byte* to, std::int64_t to_line) {
  for (std::int64_t i = 0; i < 4; ++i) {
    for (std::int64_t j = 0; j < 4; ++j) {
      store<To>(to + j * to_line + i * static_cast<std::int64_t>(sizeof(To)),
                static_cast<To>(load<From>(from + i * from_line + j * static_cast<std::int64_t>(sizeof(From)))));
    }
  }
}

#endif

// `lines` lines of `along` values each, `from_line` bytes apart, become `along` lines of `lines` values.
template <class From, class To>
void transpose(const std::byte* from, std::int64_t from_line, std::byte* to, std::int64_t to_line, std::int64_t lines,
               std::int64_t along) {
  constexpr std::int64_t k_from = sizeof(From), k_to = sizeof(To), k_near = 32;
  const auto one = [&](std::int64_t i, std::int64_t j) {
    store<To>(to + j * to_line + i * k_to, static_cast<To>(load<From>(from + i * from_line + j * k_from)));
  };
  const std::int64_t whole_lines = lines - lines % 4, whole_along = along - along % 4;
  // Lines that lie far apart may share a place in the cache, so few of them are open at a time.
  if (from_line > to_line) {
    for (std::int64_t j0 = 0; j0 < whole_along; j0 += k_near) {
      const std::int64_t end = std::min(whole_along, j0 + k_near);
      for (std::int64_t i = 0; i < whole_lines; i += 4) {
        for (std::int64_t j = j0; j < end; j += 4)
          transpose_tile<From, To>(from + i * from_line + j * k_from, from_line, to + j * to_line + i * k_to, to_line);
      }
    }
  } else {
    for (std::int64_t i0 = 0; i0 < whole_lines; i0 += k_near) {
      const std::int64_t end = std::min(whole_lines, i0 + k_near);
      for (std::int64_t j = 0; j < whole_along; j += 4) {
        for (std::int64_t i = i0; i < end; i += 4)
          transpose_tile<From, To>(from + i * from_line + j * k_from, from_line, to + j * to_line + i * k_to, to_line);
      }
    }
  }
  for (std::int64_t i = whole_lines; i < lines; ++i) {
    for (std::int64_t j = 0; j < along; ++j) one(i, j);
  }
  for (std::int64_t i = 0; i < whole_lines; ++i) {
    for (std::int64_t j = whole_along; j < along; ++j) one(i, j);
  }
}

}  // namespace ekman
