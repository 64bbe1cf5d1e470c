// The part of cross_check() about targets, weights and terms of a loss.
#pragma once

#include <string>
#include <vector>

#include "coupler/plan/plan.hpp"

namespace ekman {

// `path` is the place of `training` in the plan.
void check_loss(const Plan& plan, const NetworkSpec& network, const std::string& path, std::vector<Problem>& problems);

}  // namespace ekman
