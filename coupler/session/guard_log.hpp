// The guard of one network on one ML rank, with what it says: the first few violations in words, the rest as numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "coupler/engine/guard.hpp"

namespace ekman {

class GuardLog {
 public:
  GuardLog(const NetworkSpec& spec, const RowLayout& outputs, StepClock clock);

  // Checks rows [0, count) of a chunk of model step `step`, whose points are `ids`; returns how many (point, field)
  // pairs were given up. Throws Error(network) for a value whose rule is abort.
  std::int64_t check(std::byte* rows, std::int64_t row_bytes, std::int64_t count, const std::int64_t* ids,
                     std::int64_t step);
  // Logs the totals of the run, a line for each field that broke a rule.
  void summarise() const;

 private:
  struct Totals {
    std::int64_t clipped = 0, given_up = 0, logged = 0, first_step = 0, last_step = 0;
  };

  const NetworkSpec& spec_;
  RowLayout outputs_;
  OutputGuard guard_;
  StepClock clock_;
  std::vector<Totals> totals_;  // by field
};

}  // namespace ekman
