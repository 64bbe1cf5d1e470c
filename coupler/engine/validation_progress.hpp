// Whether a network still gets better on what it does not learn from: validation losses over several optimizer steps,
// the best of them, and the end of patience. Pure, and the same on every rank.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "coupler/engine/learner.hpp"

namespace ekman {

struct ValidationProgress {
  std::vector<double> sums;  // weight, then each term times weight, since the last validation
  std::int64_t steps = 0;    // made since then
  double best = std::numeric_limits<double>::infinity();
  std::int64_t without_progress = 0;  // validations since the best
  bool stopped = false;

  // Takes `step_sums`, those of one step over all ranks. After every `every` steps with a sample held out it fills
  // validation_loss, best and stopped of `report`; a loss that is no number counts as infinite.
  void add(const std::vector<double>& step_sums, const TrainingSpec& training, StepReport& report);
  // After a restore, perhaps with another patience: whether learning has stopped follows from that of the plan.
  void go_on(const TrainingSpec& training);
};

}  // namespace ekman
