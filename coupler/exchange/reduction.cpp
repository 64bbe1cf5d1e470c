// Implements reduction.hpp: rows of one block of slots are packed beside each other, then combined value by value.
#include "coupler/exchange/reduction.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "ekman/error.hpp"

namespace ekman {

namespace {

constexpr std::int64_t k_block_values = 2048;

std::int64_t size_of(ElementKind kind) { return kind == ElementKind::real32 ? 4 : 8; }

template <class T>
void combine(Reduction reduction, T* sum, const T* values, std::int64_t count) {
  switch (reduction) {
    case Reduction::none:
      std::copy(values, values + count, sum);
      return;
    case Reduction::accumulate:
    case Reduction::average:
      for (std::int64_t i = 0; i < count; ++i) sum[i] += values[i];
      return;
    // A value that is no number is taken over, and stays: comparisons with it are false.
    case Reduction::minimum:
      for (std::int64_t i = 0; i < count; ++i)
        sum[i] = values[i] < sum[i] || values[i] != values[i] ? values[i] : sum[i];
      return;
    case Reduction::maximum:
      for (std::int64_t i = 0; i < count; ++i)
        sum[i] = values[i] > sum[i] || values[i] != values[i] ? values[i] : sum[i];
      return;
  }
}

template <class T>
void divide(T* sum, std::int64_t count, std::int64_t steps) {
  for (std::int64_t i = 0; i < count; ++i) sum[i] /= static_cast<T>(steps);
}

// Rows [0, count) of `columns` into `sum`, which holds `steps` steps already.
template <class T>
void take(Reduction reduction, const ColumnView& columns, T* sum, std::int64_t count, std::int64_t steps, bool last) {
  const std::int64_t levels = columns.levels, row_bytes = levels * static_cast<std::int64_t>(sizeof(T));
  const Real kind = sizeof(T) == 4 ? Real::float32 : Real::float64;
  if (steps == 0) {
    pack(columns, 0, count, {reinterpret_cast<std::byte*>(sum), row_bytes, kind});
    return;
  }
  const std::int64_t block = std::max<std::int64_t>(1, k_block_values / levels);  // slots
  T rows[k_block_values];
  for (std::int64_t level = 0; level < levels; level += k_block_values) {
    ColumnView part = columns;
    part.data += level * columns.level_stride;
    part.levels = std::min(k_block_values, levels - level);
    for (std::int64_t slot = 0; slot < count; slot += block) {
      const std::int64_t slots = std::min(block, count - slot);
      pack(part, slot, slots, {reinterpret_cast<std::byte*>(rows), row_bytes, kind});
      combine(reduction, sum + slot * levels + level, rows, slots * part.levels);
    }
  }
  if (last && reduction == Reduction::average) divide(sum, count * levels, steps + 1);
}

}  // namespace

void Reducer::choose_kind(ElementKind kind) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (values_.empty()) {
    kind_ = kind;
    values_.resize(static_cast<std::size_t>(slots_ * levels_ * size_of(kind)));
  }
  if (kind_ != kind) {
    throw Error(
        ErrorCode::usage,
        fmt::format("field \"{}\" was put as real32 and as real64; a field that is reduced or a fallback must keep "
                    "its kind",
                    field_));
  }
}

void Reducer::add(const ColumnView& columns, std::int64_t first, std::int64_t count, bool last) {
  if (count == 0) return;
  choose_kind(columns.kind);
  std::byte* sum = values_.data() + first * levels_ * size_of(kind_);
  if (kind_ == ElementKind::real32) {
    take(reduction_, columns, reinterpret_cast<float*>(sum), count, steps_, last);
  } else {
    take(reduction_, columns, reinterpret_cast<double*>(sum), count, steps_, last);
  }
}

void Reducer::restore(Real kind, std::int64_t steps) {
  choose_kind(kind == Real::float32 ? ElementKind::real32 : ElementKind::real64);
  steps_ = steps;
}

RowSpan Reducer::rows(std::int64_t first) {
  const std::int64_t row_bytes = levels_ * size_of(kind_);
  return {values_.data() + first * row_bytes, row_bytes, kind_ == ElementKind::real32 ? Real::float32 : Real::float64};
}

ColumnView Reducer::result(std::int64_t first, std::int64_t count) {
  ColumnView view;
  const std::int64_t size = size_of(kind_);
  view.data = values_.data() + first * levels_ * size;
  view.kind = kind_;
  view.slots = count;
  view.levels = levels_;
  view.level_stride = size;
  view.point_axes = 1;
  view.extent[0] = count;
  view.stride[0] = levels_ * size;
  return view;
}

}  // namespace ekman
