// What the file of one network in a restart set says of itself, and what of it must fit the job that resumes.
// Pure.
#pragma once

#include <algorithm>
#include <cstddef>
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

// What a set says of the learning of its network; the arrays that belong to it are blocks.
struct RestartLearning {
  bool given = false;
  std::int64_t exchanges = 0;  // whose targets have come
  std::int64_t summed = 0;     // of them, the last ones: since the last optimizer step
  std::int64_t parts = 0;      // of the sums and the gradient over these, one for each ML rank, or the whole: 1
  std::string network;         // what is needed to make the network again, as JSON
};

// Of the exchanges before a cut, the last ones whose outputs gets return after it, if the first step after it is
// `step`.
inline std::int64_t exchanges_kept(std::int64_t step, std::int64_t period, std::int64_t lag) {
  const std::int64_t exchanges = step > 1 ? 1 + (step - 2) / period : 0;
  const bool couples = (step - 1) % period == 0;
  return std::min(exchanges, lag + (couples ? 0 : 1));
}

struct RestartHeader {
  std::string component;
  std::string network;
  std::int64_t step = 1;    // of the component: the first one after the cut
  std::int64_t points = 0;  // all ranks together
  std::int64_t period = 1;  // steps from one exchange to the next; step 1 has one
  Reduction time_reduction = Reduction::none;
  std::int64_t lag = 0;
  Real wire = Real::float32;
  std::vector<RestartField> inputs, outputs;
  std::vector<RestartField> truth;  // of a network that learns: targets, weights, fields of the loss
  std::string weights;              // of these the one that is never reduced; empty: none
  RestartLearning learning;
  std::vector<Real> kinds;  // of partial reductions, in the order of reduction_arrays; empty if there are none

  // Outputs are kept for gets: without lag those of the last exchange, if the step after the cut has none; with lag
  // those of the last one always, and of the one before if the step has none.
  std::int64_t exchanges_kept() const { return ekman::exchanges_kept(step, period, lag); }
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

// A named array of any shape, row-major, which is held whole.
struct RestartBlock {
  std::string name;
  ElementKind kind = ElementKind::real64;
  std::vector<std::int64_t> shape;
  std::vector<std::byte> bytes;
};

inline constexpr const char* k_ids_array = "ids";

RestartArray ids_array();
// Of a kept exchange, from 0, the oldest: one for each output field.
std::vector<RestartArray> output_arrays(const RestartHeader& header, std::int64_t kept);
// The same of all exchanges that are kept.
std::vector<RestartArray> output_arrays(const RestartHeader& header);
// Of a header with partial reductions: one for each input field, then one for each field of truth but the weights;
// else none. The kinds are those of the header, float64 where it has too few.
std::vector<RestartArray> reduction_arrays(const RestartHeader& header);

// All of these, in the order of the file: ids, outputs, reductions.
std::vector<RestartArray> all_arrays(const RestartHeader& header);

// How the set does not fit the job, in one sentence with everything that differs; empty if it fits. `plan` is
// made from the plan and the definitions; its step and kinds do not count, and of its learning only whether it is
// given. A set without learning fits a network that learns.
std::string restart_mismatch(const RestartHeader& set, const RestartHeader& plan);

// Throws Error(plan) with that sentence, unless the set `label`, read from `path`, fits.
void require_fit(const RestartHeader& set, const RestartHeader& plan, const std::string& label,
                 const std::string& path);

}  // namespace ekman
