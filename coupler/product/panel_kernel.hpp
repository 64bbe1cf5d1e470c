// The product of panel_product.hpp for one kind of vector, which each file that includes this compiles for its CPU. It
// includes nothing that the linker could take for code of other CPUs.
//
// Vector: k_lanes, k_rows (of a block: with two vectors of columns its sums fill the registers), k_orders_rows (whether
// a transposed `a` is put in order), and
//   Register zero(), load(p), load(p, count), spread(value), multiply_add(a, b, sum), add(a, b), rectify(a),
//     where_positive(a, of): 0 where `of` is not above 0
//   void store(p, a), store(p, a, count)
//
// Rows of a matrix that lie far apart share few places of the cache, so the factors are put in order first where that
// was measured to pay: blocks of b in panels, and the rows of a transposed `a` beside each other.
#pragma once

#include "coupler/product/panel_kernels.hpp"

namespace ekman {
namespace {

constexpr std::int64_t k_vectors = 2;           // of columns in a block
constexpr std::int64_t k_width_to_order = 512;  // from so wide rows of b on it pays to put them in order,
constexpr std::int64_t k_rows_to_order = 64;    // for so many rows of a

inline bool in_panels(const PanelProduct& its) { return its.b_depth == k_panel; }

// work(r, v) for each vector of a block. Not unrolled, the compiler keeps a block's sums in memory before and behind
// the loop over the depth.
template <int Rows, int Vectors, class Work>
inline void for_vectors(Work work) {
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; ++v) work(r, v);
  }
}

// `last`: columns of the last vector, if it is not Whole; panels have zeros behind them.
template <class Vector, int Rows, int Vectors, bool Whole>
void multiply_block(const PanelProduct& its, const float* a, std::int64_t row, std::int64_t column, std::int64_t last) {
  using Register = typename Vector::Register;
  const float* b = its.b + column / k_panel * its.b_panel + column % k_panel;
  const std::int64_t a_row = its.a_depth == 1 ? its.a_row : 1;  // inside a block
  float* const out = its.out + row * its.out_row + column;
  const bool filled = Whole || in_panels(its);
  const auto load = [last](const float* from, int v) {
    return Whole || v + 1 < Vectors ? Vector::load(from + v * Vector::k_lanes)
                                    : Vector::load(from + v * Vector::k_lanes, last);
  };
  Register sums[Rows][Vectors];
  for_vectors<Rows, Vectors>([&](int r, int v) { sums[r][v] = Vector::zero(); });
  if (its.add) for_vectors<Rows, Vectors>([&](int r, int v) { sums[r][v] = load(out + r * its.out_row, v); });
  for (std::int64_t d = 0; d < its.depth; ++d) {
    Register values[Vectors];
    for (int v = 0; v < Vectors; ++v) values[v] = filled ? Vector::load(b + v * Vector::k_lanes) : load(b, v);
    for_vectors<Rows, Vectors>(
        [&](int r, int v) { sums[r][v] = Vector::multiply_add(Vector::spread(a[r * a_row]), values[v], sums[r][v]); });
    a += its.a_depth;
    b += its.b_depth;
  }
  if (its.bias != nullptr) {
    Register bias[Vectors];
    for (int v = 0; v < Vectors; ++v) bias[v] = load(its.bias + column, v);
    for_vectors<Rows, Vectors>([&](int r, int v) { sums[r][v] = Vector::add(sums[r][v], bias[v]); });
  }
  if (its.rectify) for_vectors<Rows, Vectors>([&](int r, int v) { sums[r][v] = Vector::rectify(sums[r][v]); });
  if (its.rectified != nullptr) {
    const float* const of = its.rectified + row * its.out_row + column;
    for_vectors<Rows, Vectors>(
        [&](int r, int v) { sums[r][v] = Vector::where_positive(sums[r][v], load(of + r * its.out_row, v)); });
  }
  for_vectors<Rows, Vectors>([&](int r, int v) {
    float* const to = out + r * its.out_row + v * Vector::k_lanes;
    if (Whole || v + 1 < Vectors) {
      Vector::store(to, sums[r][v]);
    } else {
      Vector::store(to, sums[r][v], last);
    }
  });
}

// `rows`: at most Rows.
template <class Vector, int Rows, int Vectors, bool Whole>
void multiply_rows(const PanelProduct& its, const float* a, std::int64_t row, std::int64_t rows, std::int64_t column,
                   std::int64_t last) {
  if (rows == Rows) return multiply_block<Vector, Rows, Vectors, Whole>(its, a, row, column, last);
  if constexpr (Rows > 1) multiply_rows<Vector, Rows - 1, Vectors, Whole>(its, a, row, rows, column, last);
}

// All columns of a block of rows; `a` points to its first row.
template <class Vector>
void multiply_columns(const PanelProduct& its, const float* a, std::int64_t row, std::int64_t rows) {
  constexpr std::int64_t k_lanes = Vector::k_lanes, k_width = k_vectors * k_lanes;
  static_assert(k_panel % k_width == 0);  // a block lies in one panel
  std::int64_t column = 0;
  for (; column + k_width <= its.columns; column += k_width)
    multiply_rows<Vector, Vector::k_rows, k_vectors, true>(its, a, row, rows, column, k_lanes);
  const std::int64_t rest = its.columns - column;
  if (rest > k_lanes) multiply_rows<Vector, Vector::k_rows, 2, false>(its, a, row, rows, column, rest - k_lanes);
  if (rest > 0 && rest <= k_lanes) multiply_rows<Vector, Vector::k_rows, 1, false>(its, a, row, rows, column, rest);
}

// How many columns of b are multiplied by all rows before the next.
inline std::int64_t columns_at_once(std::int64_t depth) {
  const std::int64_t panels = k_floats_at_once / (k_panel * (depth < 1 ? 1 : depth));
  return k_panel * (panels < 1 ? 1 : panels);
}

inline std::int64_t least(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

// Most often there are as many as there can be, whose copy needs no loop.
template <std::int64_t Most>
void copy(const float* from, std::int64_t count, float* to) {
  if (count == Most) {
    __builtin_memcpy(to, from, Most * sizeof(float));
  } else {
    for (std::int64_t i = 0; i < count; ++i) to[i] = from[i];
  }
}

// a is in row order, or in blocks of order_rows().
template <class Vector>
void multiply_all_rows(const PanelProduct& its) {
  for (std::int64_t row = 0; row < its.rows; row += Vector::k_rows)
    multiply_columns<Vector>(its, its.a + row * its.a_row, row, least(Vector::k_rows, its.rows - row));
}

// A transposed a, in blocks of [depth, k_rows].
template <class Vector>
void order_rows(const PanelProduct& its, float* blocks) {
  for (std::int64_t d = 0; d < its.depth; ++d) {
    const float* const from = its.a + d * its.a_depth;
    for (std::int64_t row = 0; row < its.rows; row += Vector::k_rows)
      copy<Vector::k_rows>(from + row, least(Vector::k_rows, its.rows - row),
                           blocks + row * its.depth + d * Vector::k_rows);
  }
}

// b in row order, in panels.
inline void order_columns(const PanelProduct& its, float* panels) {
  for (std::int64_t first = 0; first < its.columns; first += k_panel, panels += k_panel * its.depth) {
    const std::int64_t width = least(k_panel, its.columns - first);
    for (std::int64_t d = 0; d < its.depth; ++d) {
      float* const to = panels + d * k_panel;
      copy<k_panel>(its.b + first + d * its.b_depth, width, to);
      for (std::int64_t i = width; i < k_panel; ++i) to[i] = 0.0F;
    }
  }
}

// Some columns, from a whole panel on.
inline PanelProduct columns_of(const PanelProduct& its, std::int64_t begin, std::int64_t count) {
  PanelProduct some = its;
  some.columns = count;
  some.b += begin / k_panel * its.b_panel;
  some.out += begin;
  if (some.bias != nullptr) some.bias += begin;
  if (some.rectified != nullptr) some.rectified += begin;
  return some;
}

// Where something is put in order, a part of the depth after the other: `out` goes on with the chains.
template <class Vector>
void multiply_with(const PanelProduct& its, float* scratch) {
  const bool order_a = Vector::k_orders_rows && its.a_depth != 1;
  const bool order_b = !in_panels(its) && its.b_depth >= k_width_to_order && its.rows >= k_rows_to_order;
  const std::int64_t step = order_a || order_b ? k_depth_at_once : its.depth;
  std::int64_t at = 0;
  do {
    PanelProduct part = its;
    part.depth = least(step, its.depth - at);
    const bool last = at + part.depth == its.depth;
    part.a = its.a + at * its.a_depth;
    part.b = its.b + at * its.b_depth;
    part.add = its.add || at > 0;
    part.bias = last ? its.bias : nullptr;
    part.rectify = last && its.rectify;
    part.rectified = last ? its.rectified : nullptr;
    if (order_a) {
      float* const blocks = scratch + k_floats_at_once;
      order_rows<Vector>(part, blocks);
      part.a = blocks;
      part.a_row = part.depth;
      part.a_depth = Vector::k_rows;
    }
    const std::int64_t width = columns_at_once(part.depth);
    for (std::int64_t begin = 0; begin < its.columns; begin += width) {
      PanelProduct some = columns_of(part, begin, least(width, its.columns - begin));
      if (order_b) {
        order_columns(some, scratch);
        some.b = scratch;
        some.b_panel = k_panel * some.depth;
        some.b_depth = k_panel;
      }
      multiply_all_rows<Vector>(some);
    }
    at += step;
  } while (at < its.depth);
}

}  // namespace
}  // namespace ekman
