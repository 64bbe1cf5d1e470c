// Whether the parts of a restart set are of one moment. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "coupler/plan/plan.hpp"

namespace ekman {

// The step with which one network's file of a set goes on.
struct NetworkStep {
  std::string network;
  std::int64_t step = 0;
};
using NetworkSteps = std::map<std::string, std::vector<NetworkStep>>;  // by component; none is empty

// How the parts of the plan's set do not belong together, in one sentence; empty if they do: the networks of
// a component go on with one step, and components of known timestep at one model time.
std::string restart_discord(const Plan& plan, const NetworkSteps& steps);

}  // namespace ekman
