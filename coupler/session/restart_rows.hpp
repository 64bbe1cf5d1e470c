// What both writers of restart sets, those of ML ranks and of inline networks, say of rows.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "coupler/engine/engine.hpp"
#include "coupler/restart/restart_header.hpp"

namespace ekman {

inline std::vector<RestartField> restart_fields(const RowLayout& layout) {
  std::vector<RestartField> fields;
  for (const FieldSlot& field : layout.fields) fields.push_back({field.name, field.levels});
  return fields;
}

// Rows go to the file and come from it in parts of about 16 MiB: how many of them make one.
inline std::int64_t rows_of_part(const RestartArray& array) {
  constexpr std::int64_t k_part_bytes = 16 * 1024 * 1024;
  return std::max<std::int64_t>(1, k_part_bytes / array.row_bytes());
}

}  // namespace ekman
