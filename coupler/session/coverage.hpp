// Which slots of a field were put in this step: disjoint stretches, merged as they touch. Allocates nothing in a step
// like one before.
#pragma once

#include <cstdint>
#include <vector>

namespace ekman {

class Coverage {
 public:
  // False, and nothing changes, if any of [first, first + count) was there already.
  bool add(std::int64_t first, std::int64_t count);
  std::int64_t covered() const { return covered_; }
  void clear();

 private:
  struct Stretch {
    std::int64_t first, end;
  };
  std::vector<Stretch> stretches_;  // ascending
  std::int64_t covered_ = 0;
};

}  // namespace ekman
