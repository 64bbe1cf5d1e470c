// Where each field of a network lies inside a row of its chunk buffer.
#include <fmt/format.h>

#include "coupler/engine/engine.hpp"
#include "ekman/error.hpp"

namespace ekman {

RowLayout make_row_layout(const std::vector<Argument>& arguments, const std::vector<std::int64_t>& levels) {
  RowLayout layout;
  for (const Argument& argument : arguments) {
    for (const std::string& name : argument.fields) {
      const std::size_t index = layout.fields.size();
      const std::int64_t offset = layout.row_len();
      if (index < levels.size()) layout.fields.push_back({name, levels[index], offset});
      if (index >= levels.size() || levels[index] < 1) {
        throw Error(ErrorCode::internal,
                    fmt::format("field '{}' has no number of levels; this is a mistake in Ekman, report it", name));
      }
    }
  }
  if (layout.fields.size() != levels.size()) {
    throw Error(ErrorCode::internal,
                fmt::format("{} numbers of levels for {} fields; this is a mistake in Ekman, report it", levels.size(),
                            layout.fields.size()));
  }
  return layout;
}

}  // namespace ekman
