// The part of cross_check() about learning: `training`, `tape` and running normalisation.
#pragma once

#include <string>
#include <vector>

#include "coupler/plan/plan.hpp"

namespace ekman {

// Adds to `problems` what is wrong with `network`, whose place in the plan is `path`.
void check_learning(const Plan& plan, const NetworkSpec& network, const std::string& path,
                    std::vector<Problem>& problems);

// What is wrong with an optimizer's options, by path below `path`.
void check_optimizer(const OptimizerSpec& spec, const std::string& path, std::vector<Problem>& problems);

// What networks write besides each other.
void check_learning_files(const Plan& plan, std::vector<Problem>& problems);

}  // namespace ekman
