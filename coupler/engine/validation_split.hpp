// Which samples are held out for validation, now and after any restart, on any number of ranks: a pure function of what
// they are, never of where or when they come by.
#pragma once

#include <cstdint>

#include "coupler/plan/plan.hpp"

namespace ekman {

class ValidationSplit {
 public:
  explicit ValidationSplit(const ValidationSpec& spec) : spec_(spec) {}

  bool any() const { return spec_.fraction > 0.0; }

  // `number` is the global id of a point, or for `sample: grid` the number of the exchange. Held out are whole blocks
  // of consecutive numbers: those with mix64(number / block) < fraction * 2^64, to 53 bits.
  bool holds_out(std::int64_t number) const;

 private:
  ValidationSpec spec_;
};

}  // namespace ekman
