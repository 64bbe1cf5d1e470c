// What the file of one network in a restart set says of itself, and what of it must fit the job that resumes.
// Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "coupler/plan/plan.hpp"
#include "ekman/array_view.hpp"

namespace ekman {

struct RestartField {
  std::string name;
  std::int64_t levels = 1;
};

struct RestartHeader {
  std::string component;
  std::string network;
  std::int64_t step = 1;    // of the component: the first one after the cut
  std::int64_t points = 0;  // all ranks together
  std::int64_t period = 1;  // steps from one exchange to the next; step 1 has one
  Reduction time_reduction = Reduction::none;
  Real wire = Real::float32;
  std::vector<RestartField> inputs, outputs;
  std::vector<Real> kinds;  // of partial reductions, one for each input; empty if there are none

  // The step after the cut has an exchange, so nobody gets the outputs of the last one again.
  bool couples() const { return (step - 1) % period == 0; }
  // Outputs of the last exchange are kept for gets.
  bool holds_outputs() const { return !couples(); }
  // Steps since the last exchange, which are in the partial reductions; 0: there are none.
  std::int64_t steps_reduced() const {
    return time_reduction == Reduction::none || step == 1 ? 0 : (step - 2) % period;
  }
};

// One array of the file: values of one kind, `levels` of each point, points by ascending global id.
struct RestartArray {
  std::string name;
  ElementKind kind = ElementKind::int64;
  std::int64_t levels = 1;

  std::int64_t row_bytes() const {
    return levels * (kind == ElementKind::real32 || kind == ElementKind::int32 ? 4 : 8);
  }
};

inline constexpr const char* k_ids_array = "ids";

RestartArray ids_array();
// Of a header that holds outputs: one for each output field; else none.
std::vector<RestartArray> output_arrays(const RestartHeader& header);
// Of a header with partial reductions: one for each input field; else none.
std::vector<RestartArray> reduction_arrays(const RestartHeader& header);

// How the set does not fit the job, in one sentence with everything that differs; empty if it fits. `plan` is
// made from the plan and the definitions; its step and kinds do not count.
std::string restart_mismatch(const RestartHeader& set, const RestartHeader& plan);

}  // namespace ekman
