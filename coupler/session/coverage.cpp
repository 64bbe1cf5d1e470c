// Implements coverage.hpp.
#include "coupler/session/coverage.hpp"

#include <algorithm>

namespace ekman {

bool Coverage::add(std::int64_t first, std::int64_t count) {
  if (count == 0) return true;
  const std::int64_t end = first + count;
  const auto next = std::lower_bound(stretches_.begin(), stretches_.end(), first,
                                     [](const Stretch& stretch, std::int64_t at) { return stretch.first < at; });
  const bool has_next = next != stretches_.end(), has_last = next != stretches_.begin();
  if (has_next && next->first < end) return false;
  if (has_last && (next - 1)->end > first) return false;
  covered_ += count;
  const bool meets_next = has_next && next->first == end, meets_last = has_last && (next - 1)->end == first;
  if (meets_last) {
    (next - 1)->end = meets_next ? next->end : end;
    if (meets_next) stretches_.erase(next);
  } else if (meets_next) {
    next->first = first;
  } else {
    stretches_.insert(next, {first, end});
  }
  return true;
}

void Coverage::clear() {
  stretches_.clear();
  covered_ = 0;
}

}  // namespace ekman
