// Places of fields in the rows of a layout.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "coupler/engine/engine.hpp"
#include "ekman/error.hpp"

namespace ekman {

inline const FieldSlot& slot_of(const RowLayout& layout, const std::string& name) {
  const auto found = std::find_if(layout.fields.begin(), layout.fields.end(),
                                  [&](const FieldSlot& slot) { return slot.name == name; });
  if (found != layout.fields.end()) return *found;
  throw Error(ErrorCode::internal,
              fmt::format("field \"{}\" has no place in a row; this is a mistake in Ekman, report it", name));
}

}  // namespace ekman
