// Implements validation_split.hpp.
#include "coupler/engine/validation_split.hpp"

#include "coupler/base/mix64.hpp"

namespace ekman {

bool ValidationSplit::holds_out(std::int64_t number) const {
  if (!any()) return false;
  const std::uint64_t hash = mix64(static_cast<std::uint64_t>(number / spec_.block));
  return static_cast<double>(hash >> 11) * 0x1.0p-53 < spec_.fraction;
}

}  // namespace ekman
