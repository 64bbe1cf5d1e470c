// What is left of a profiled run: profile.h5, and where the time went on the terminal.
#pragma once

#include <string>
#include <vector>

#include "coupler/plan/plan.hpp"

namespace ekman {

// On the leader, at the end. `ranks`: of ProfileMerge. A file that cannot be written is a warning: the run itself was
// as it should be.
void record_profile(const Plan& plan, const std::vector<std::string>& ranks);

}  // namespace ekman
