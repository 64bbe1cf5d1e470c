// Checkpoints and log of a network that learns: what it goes on from, and what it writes. For ML ranks and `ekman
// train`.
#pragma once

#include <functional>

#include "coupler/session/learning_record.hpp"

namespace ekman {

// Goes on from the checkpoint that the plan names; the first rank of those that learn says what learns.
void prepare_learning(const Plan& plan, const NetworkSpec& spec, bool is_first, Learner& learner);

// On the first rank of those that learn. `plan` and `spec` must outlive what it opens; `last_step` tells the optimizer
// steps to the end where the schedule does not.
LearningFiles learning_files(const Plan& plan, const NetworkSpec& spec,
                             std::function<std::int64_t()> last_step = nullptr);

}  // namespace ekman
