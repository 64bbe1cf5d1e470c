// Which slots of a field were put in this step: disjoint stretches, merged as they touch.
#pragma once

#include <cstdint>
#include <map>

namespace ekman {

class Coverage {
 public:
  // False, and nothing changes, if any of [first, first + count) was there already.
  bool add(std::int64_t first, std::int64_t count);
  std::int64_t covered() const { return covered_; }
  void clear();

 private:
  std::map<std::int64_t, std::int64_t> stretches_;  // first -> one past the last
  std::int64_t covered_ = 0;
};

}  // namespace ekman
