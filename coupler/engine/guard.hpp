// The guard of a network's outputs: values out of range or not finite are clipped, given up for a fallback, or end the
// job. Checked on the ML rank in the rows of a chunk, before they go back; given-up points are marked in place. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "coupler/engine/engine.hpp"
#include "coupler/plan/plan.hpp"

namespace ekman {

// One value that broke a rule.
struct Violation {
  int field = 0;  // of the row layout
  std::int64_t row = 0;
  double value = 0.0;
  OnViolation action = OnViolation::abort;
};

// What one check found. `first` holds some of the violations of each field, all of those that abort.
struct GuardFindings {
  std::vector<Violation> first;
  std::vector<std::int64_t> clipped, given_up;  // by field: values, points
  std::int64_t points_given_up = 0;             // over all fields
};

class OutputGuard {
 public:
  OutputGuard(const NetworkSpec& spec, const RowLayout& outputs);

  // Checks rows [0, count), each `row_bytes` after the one before, clips and marks them.
  GuardFindings check(std::byte* rows, std::int64_t row_bytes, std::int64_t count) const;

 private:
  struct Rule {
    FieldGuard guard;
    OnViolation nonfinite;
    std::int64_t offset = 0;
    std::int64_t levels = 1;
  };
  template <class T>
  void check_field(int field, std::byte* row, std::int64_t number, GuardFindings& findings) const;

  std::vector<Rule> rules_;  // by field of the row layout; empty: no guard
  Real wire_;
};

// The mark of a given-up point: in place of the field's first value. No arithmetic makes this quiet NaN, and with a
// guard no other value that is not finite goes back.
void mark_given_up(std::byte* value, Real wire);
bool is_given_up(const std::byte* value, Real wire);

}  // namespace ekman
