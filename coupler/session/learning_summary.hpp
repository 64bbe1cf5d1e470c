// What somebody should know of a network's learning who reads the output of the run only: when and why it stopped, and
// at the end what came of it. On its first ML rank.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include "coupler/engine/learner.hpp"

namespace ekman {

class LearningSummary {
 public:
  // Of learning that goes on from `start`, the last report so far.
  LearningSummary(const NetworkSpec& spec, const StepReport& start);

  // A line for the log if learning stops with this step, else "".
  std::string add(const StepReport& report);
  // The line for the end of the run; a warning if nothing was learned.
  std::string end() const;

 private:
  const NetworkSpec& spec_;
  std::int64_t first_step_;
  bool stopped_;
  bool any_ = false;  // step, made or not
  StepReport last_;
  std::int64_t bad_steps_ = 0;
  std::int64_t overflows_ = 0;
  double skipped_ = 0.0;
  double best_ = std::numeric_limits<double>::infinity();
  std::int64_t best_step_ = 0;
};

// What the plan's validation does with these points, for the log: a warning if none is held out, else "". Throws
// Error(plan) if all are, since there would be nothing to learn from.
std::string check_held_out(const NetworkSpec& spec, std::int64_t held_out, std::int64_t points);

}  // namespace ekman
