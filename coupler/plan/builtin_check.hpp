// The part of cross_check() about built-in networks: whether grid and sizes fit each other.
#pragma once

#include <string>
#include <vector>

#include "coupler/plan/plan.hpp"

namespace ekman {

// Adds to `problems` what is wrong with the network of `network`, whose place in the plan is `path`.
void check_builtin(const NetworkSpec& network, const std::string& path, std::vector<Problem>& problems);

}  // namespace ekman
