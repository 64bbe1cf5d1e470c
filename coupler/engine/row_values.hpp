// Single values of rows, by field: for what looks at few of them. Whole rows are the engine's.
#pragma once

#include <algorithm>
#include <string>

#include "coupler/base/bytes.hpp"
#include "coupler/engine/engine.hpp"

namespace ekman {

// Null if no field has the name.
inline const FieldSlot* find_slot(const RowLayout& layout, const std::string& field) {
  const auto found = std::find_if(layout.fields.begin(), layout.fields.end(),
                                  [&](const FieldSlot& slot) { return slot.name == field; });
  return found == layout.fields.end() ? nullptr : &*found;
}

// Value `at` of those of `kind` at `values`.
inline double value_at(const std::byte* values, std::int64_t at, Real kind) {
  return kind == Real::float64 ? load<double>(values + at * 8) : static_cast<double>(load<float>(values + at * 4));
}

}  // namespace ekman
