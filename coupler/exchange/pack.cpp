// Implements pack.hpp: a run of slots is cut at the ends of the first point axis, then copied in blocks that keep
// both the strided side and the rows in the first-level cache.
#include "coupler/exchange/pack.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cfenv>
#include <cstring>
#include <type_traits>
#ifdef __SSE2_MATH__
#include <xmmintrin.h>
#endif

#include "coupler/base/bytes.hpp"
#include "coupler/exchange/transpose.hpp"
#include "ekman/error.hpp"

namespace ekman {

Axes::Axes(const std::string& text) : text_(text) {
  const auto levels = std::count(text.begin(), text.end(), 'l');
  const auto points = std::count(text.begin(), text.end(), 'p');
  if (points < 1 || levels > 1 || points + levels != static_cast<std::ptrdiff_t>(text.size()) ||
      text.size() > k_max_rank) {
    throw Error(ErrorCode::usage,
                fmt::format("axes \"{}\" is not a list of array axes; use 'p' for points and at most one 'l' for "
                            "levels, for example \"pl\" or \"plp\"",
                            text));
  }
}

ColumnView make_column_view(const ArrayView& array, const Axes& axes) {
  if (array.rank != static_cast<int>(axes.text().size())) {
    throw Error(ErrorCode::usage,
                fmt::format("the array has rank {}, but its axes are \"{}\"; pass an array of rank {}", array.rank,
                            axes.text(), axes.text().size()));
  }
  if (array.kind != ElementKind::real32 && array.kind != ElementKind::real64) {
    throw Error(ErrorCode::usage, "the array is not of kind real32 or real64; pass a real array");
  }
  ColumnView view;
  view.data = array.data;
  view.kind = array.kind;
  for (int axis = 0; axis < array.rank; ++axis) {
    if (axes.text()[axis] == 'l') {
      view.levels = array.extent[axis];
      view.level_stride = array.stride[axis];
    } else {
      view.extent[view.point_axes] = array.extent[axis];
      view.stride[view.point_axes] = array.stride[axis];
      view.slots *= array.extent[axis];
      ++view.point_axes;
    }
  }
  return view;
}

namespace {

// Values side by side.
template <class A, class B>
void copy_line(const std::byte* a, std::byte* b, std::int64_t count) {
  if constexpr (std::is_same_v<A, B>) {
    std::memcpy(b, a, static_cast<std::size_t>(count) * sizeof(A));
  } else {
    constexpr std::int64_t k_a = sizeof(A), k_b = sizeof(B);
    for (std::int64_t i = 0; i < count; ++i) store<B>(b + i * k_b, static_cast<B>(load<A>(a + i * k_a)));
  }
}

// Points x levels from (a, strides a_point, a_level) to (b, strides b_point, b_level), A converted to B.
template <class A, class B>
void copy_block(const std::byte* a, std::int64_t a_point, std::int64_t a_level, std::byte* b, std::int64_t b_point,
                std::int64_t b_level, std::int64_t points, std::int64_t levels) {
  constexpr std::int64_t k_block = 16, k_a = sizeof(A), k_b = sizeof(B);
  if (levels == 1) {
    if (a_point == k_a && b_point == k_b) return copy_line<A, B>(a, b, points);
    for (std::int64_t p = 0; p < points; ++p) store<B>(b + p * b_point, static_cast<B>(load<A>(a + p * a_point)));
    return;
  }
  if (a_level == k_a && b_level == k_b) {
    if (a_point == levels * k_a && b_point == levels * k_b) return copy_line<A, B>(a, b, points * levels);
    for (std::int64_t p = 0; p < points; ++p) copy_line<A, B>(a + p * a_point, b + p * b_point, levels);
    return;
  }
  if (a_point == k_a && b_level == k_b) return transpose<A, B>(a, a_level, b, b_point, levels, points);
  if (a_level == k_a && b_point == k_b) return transpose<A, B>(a, a_point, b, b_level, points, levels);
  for (std::int64_t p0 = 0; p0 < points; p0 += k_block) {
    const std::int64_t p1 = std::min(points, p0 + k_block);
    for (std::int64_t l0 = 0; l0 < levels; l0 += k_block) {
      const std::int64_t l1 = std::min(levels, l0 + k_block);
      for (std::int64_t p = p0; p < p1; ++p) {
        for (std::int64_t l = l0; l < l1; ++l) {
          store<B>(b + p * b_point + l * b_level, static_cast<B>(load<A>(a + p * a_point + l * a_level)));
        }
      }
    }
  }
}

// Calls `visit(address of the first slot, stride, slots, done before)` for the longest straight stretches of
// [slot, slot + count).
template <class Visit>
void walk(const ColumnView& view, std::int64_t slot, std::int64_t count, Visit visit) {
  std::int64_t index[k_max_rank] = {};
  std::int64_t rest = slot;
  for (int axis = 0; rest > 0 && axis < view.point_axes; ++axis) {  // mostly from the first slot: nothing to divide
    index[axis] = rest % view.extent[axis];
    rest /= view.extent[axis];
  }
  for (std::int64_t done = 0; done < count;) {
    const std::int64_t here = std::min(count - done, view.extent[0] - index[0]);
    std::byte* address = view.data;
    for (int axis = 0; axis < view.point_axes; ++axis) address += index[axis] * view.stride[axis];
    visit(address, view.stride[0], here, done);
    done += here;
    index[0] = 0;
    for (int axis = 1; axis < view.point_axes; ++axis) {
      if (++index[axis] < view.extent[axis]) break;
      index[axis] = 0;
    }
  }
}

template <class A, class W>
void pack_as(const ColumnView& columns, std::int64_t slot, std::int64_t count, const RowSpan& rows) {
  walk(columns, slot, count, [&](const std::byte* address, std::int64_t stride, std::int64_t n, std::int64_t done) {
    copy_block<A, W>(address, stride, columns.level_stride, rows.first + done * rows.row_bytes, rows.row_bytes,
                     sizeof(W), n, columns.levels);
  });
}

template <class A, class W>
void unpack_as(const RowSpan& rows, const ColumnView& columns, std::int64_t slot, std::int64_t count) {
  walk(columns, slot, count, [&](std::byte* address, std::int64_t stride, std::int64_t n, std::int64_t done) {
    copy_block<W, A>(rows.first + done * rows.row_bytes, rows.row_bytes, sizeof(W), address, stride,
                     columns.level_stride, n, columns.levels);
  });
}

}  // namespace

void pack(const ColumnView& columns, std::int64_t slot, std::int64_t count, const RowSpan& rows) {
  const bool is_float = columns.kind == ElementKind::real32;
  if (rows.wire == Real::float32) {
    is_float ? pack_as<float, float>(columns, slot, count, rows) : pack_as<double, float>(columns, slot, count, rows);
  } else {
    is_float ? pack_as<float, double>(columns, slot, count, rows) : pack_as<double, double>(columns, slot, count, rows);
  }
}

void unpack(const RowSpan& rows, const ColumnView& columns, std::int64_t slot, std::int64_t count) {
  const bool is_float = columns.kind == ElementKind::real32;
  if (rows.wire == Real::float32) {
    is_float ? unpack_as<float, float>(rows, columns, slot, count)
             : unpack_as<double, float>(rows, columns, slot, count);
  } else {
    is_float ? unpack_as<float, double>(rows, columns, slot, count)
             : unpack_as<double, double>(rows, columns, slot, count);
  }
}

namespace {

// Calls visit(columns, slot, slots, rows behind each other, rows[i] of the first, bytes into them) block by block: many
// slots side by side fill lines of the cache, so rows that lie apart are made, or read, in one place first.
template <class Visit>
void for_blocks(const ColumnView& columns, std::int64_t slot, std::int64_t count, std::byte* const* rows, Real wire,
                Visit visit) {
  constexpr std::int64_t k_rows = 32, k_levels = 64;
  alignas(64) std::byte block[k_rows * k_levels * sizeof(double)];
  ColumnView part = columns;
  for (std::int64_t level = 0; level < columns.levels; level += k_levels) {
    part.data = columns.data + level * columns.level_stride;
    part.levels = std::min(k_levels, columns.levels - level);
    const RowSpan span{block, part.levels * real_size(wire), wire};
    for (std::int64_t i = 0; i < count; i += k_rows) {
      visit(part, slot + i, std::min(k_rows, count - i), span, rows + i, level * real_size(wire));
    }
  }
}

// Each column is in one piece: nothing is gained by their neighbours.
bool has_whole_columns(const ColumnView& columns) {
  return columns.levels == 1 || columns.level_stride == element_size(columns.kind);
}

}  // namespace

void pack(const ColumnView& columns, std::int64_t slot, std::int64_t count, std::byte* const* rows, Real wire) {
  if (has_whole_columns(columns)) {
    for (std::int64_t i = 0; i < count; ++i) pack(columns, slot + i, 1, {rows[i], 0, wire});
    return;
  }
  for_blocks(columns, slot, count, rows, wire,
             [](const ColumnView& part, std::int64_t first, std::int64_t n, const RowSpan& block, std::byte* const* to,
                std::int64_t offset) {
               pack(part, first, n, block);
               for (std::int64_t i = 0; i < n; ++i) {
                 std::memcpy(to[i] + offset, block.first + i * block.row_bytes,
                             static_cast<std::size_t>(block.row_bytes));
               }
             });
}

void unpack(std::byte* const* rows, Real wire, const ColumnView& columns, std::int64_t slot, std::int64_t count) {
  if (has_whole_columns(columns)) {
    for (std::int64_t i = 0; i < count; ++i) unpack({rows[i], 0, wire}, columns, slot + i, 1);
    return;
  }
  for_blocks(columns, slot, count, rows, wire,
             [](const ColumnView& part, std::int64_t first, std::int64_t n, const RowSpan& block,
                std::byte* const* from, std::int64_t offset) {
               for (std::int64_t i = 0; i < n; ++i) {
                 std::memcpy(block.first + i * block.row_bytes, from[i] + offset,
                             static_cast<std::size_t>(block.row_bytes));
               }
               unpack(block, part, first, n);
             });
}

#ifdef __SSE2_MATH__
// All arithmetic here is the vector unit's: its one register will do, and fesetenv costs 50 ns for the other one.
TrapGuard::TrapGuard() {
  constexpr unsigned int k_flags = _MM_EXCEPT_MASK, k_held = _MM_MASK_MASK;
  const unsigned int state = _mm_getcsr();
  std::memcpy(state_, &state, sizeof state);
  _mm_setcsr((state & ~k_flags) | k_held);
}

TrapGuard::~TrapGuard() {
  unsigned int state;
  std::memcpy(&state, state_, sizeof state);
  _mm_setcsr(state);
}
#else
TrapGuard::TrapGuard() {
  static_assert(sizeof(std::fenv_t) <= sizeof(state_));
  std::feholdexcept(reinterpret_cast<std::fenv_t*>(state_));
}

TrapGuard::~TrapGuard() { std::fesetenv(reinterpret_cast<std::fenv_t*>(state_)); }
#endif

}  // namespace ekman
