#pragma once

#include "coupler/plan/plan.hpp"
#include "coupler/simulation/simulated_job.hpp"

namespace ekman {

struct Role {
  std::string component;  // empty: an ML rank
  int rank = 0;
  int ranks = 0;
};

void play(const SimulationOptions& options, const Plan& plan, const Role& role);

}  // namespace ekman
