// One page about a plan: who sends what to whom, in which pieces, and what that costs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "coupler/engine/engine.hpp"
#include "coupler/plan/plan.hpp"

namespace ekman {

// What came of trying a network on this machine.
struct NetworkTrial {
  bool opened = false;
  bool forward = false;
  NetworkSize size;
  std::int64_t learned = -1;  // parameters that learn, or at most as many; -1: not known
};

// `trials[i]` is of network i. `resident` is what this process holds after them, in bytes.
std::string plan_summary(const Plan& plan, const std::vector<NetworkTrial>& trials, std::int64_t resident);

}  // namespace ekman
