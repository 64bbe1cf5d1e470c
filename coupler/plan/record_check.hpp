// The part of cross_check() about recordings, and about networks that are `none`.
#pragma once

#include <vector>

#include "coupler/plan/plan.hpp"

namespace ekman {

void check_record(const Plan& plan, std::vector<Problem>& problems);

}  // namespace ekman
