// Implements coverage.hpp.
#include "coupler/session/coverage.hpp"

#include <iterator>

namespace ekman {

bool Coverage::add(std::int64_t first, std::int64_t count) {
  if (count == 0) return true;
  std::int64_t end = first + count;
  auto next = stretches_.lower_bound(first);
  if (next != stretches_.end() && next->first < end) return false;
  if (next != stretches_.begin() && std::prev(next)->second > first) return false;
  covered_ += count;
  if (next != stretches_.end() && next->first == end) {
    end = next->second;
    next = stretches_.erase(next);
  }
  if (next != stretches_.begin() && std::prev(next)->second == first) {
    std::prev(next)->second = end;
  } else {
    stretches_.emplace(first, end);
  }
  return true;
}

void Coverage::clear() {
  stretches_.clear();
  covered_ = 0;
}

}  // namespace ekman
