// Pack and unpack: the only copies on the data path, between a strided array of a component and rows of a chunk
// buffer, with conversion of kind. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "coupler/plan/plan.hpp"
#include "ekman/array_view.hpp"

namespace ekman {

// Which axes of an array are points and which one is levels. At most one 'l'; at least one 'p'.
class Axes {
 public:
  // `text` such as "p", "pl", "plp"; throws Error(usage).
  explicit Axes(const std::string& text);
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// An array seen as (slot, level): slots count the point axes in array order, the first axis fastest.
struct ColumnView {
  std::byte* data = nullptr;
  ElementKind kind = ElementKind::real64;
  std::int64_t slots = 1;
  std::int64_t levels = 1;
  std::int64_t level_stride = 0;
  int point_axes = 0;
  std::int64_t extent[k_max_rank] = {};
  std::int64_t stride[k_max_rank] = {};
};

// Throws Error(usage) if the rank of `array` is not the number of axes or its kind is no real.
ColumnView make_column_view(const ArrayView& array, const Axes& axes);

// Rows of a chunk buffer: `levels` values of the wire kind at `first`, the next row `row_bytes` further.
struct RowSpan {
  std::byte* first = nullptr;
  std::int64_t row_bytes = 0;
  Real wire = Real::float32;
};

// Copies slots [slot, slot + count) of `columns` to as many rows, or back.
void pack(const ColumnView& columns, std::int64_t slot, std::int64_t count, const RowSpan& rows);
void unpack(const RowSpan& rows, const ColumnView& columns, std::int64_t slot, std::int64_t count);

// The same where rows lie apart: that of slot `slot + i` at rows[i].
void pack(const ColumnView& columns, std::int64_t slot, std::int64_t count, std::byte* const* rows, Real wire);
void unpack(std::byte* const* rows, Real wire, const ColumnView& columns, std::int64_t slot, std::int64_t count);

// Holds floating-point traps while it lives, so that a fill value of 1e300 that becomes a float32 infinity does not
// kill a program built with -ffpe-trap=overflow. Restores flags and traps.
class TrapGuard {
 public:
  TrapGuard();
  ~TrapGuard();
  TrapGuard(const TrapGuard&) = delete;
  TrapGuard& operator=(const TrapGuard&) = delete;

 private:
  alignas(16) unsigned char state_[64];  // an fenv_t, or what of it the copies can change
};

}  // namespace ekman
