// Places of fields in the rows of a layout.
#pragma once

#include <fmt/format.h>

#include <string>

#include "coupler/engine/row_values.hpp"
#include "ekman/error.hpp"

namespace ekman {

inline const FieldSlot& slot_of(const RowLayout& layout, const std::string& name) {
  if (const FieldSlot* found = find_slot(layout, name)) return *found;
  throw Error(ErrorCode::internal,
              fmt::format("field \"{}\" has no place in a row; this is a mistake in Ekman, report it", name));
}

}  // namespace ekman
