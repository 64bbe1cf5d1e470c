// Which network each ML rank serves, and on which device: a pure function of the plan and of the nodes that
// the ML ranks run on, so that every rank computes the same answer.
#pragma once

#include <string>
#include <vector>

#include "coupler/plan/plan.hpp"

namespace ekman {

// What one ML rank knows of its node.
struct MlRank {
  std::string node;
  int gpus = 0;  // that LibTorch sees on this node
};

// What one ML rank does. `note` is empty or says what a user may not expect of the choice.
struct Placement {
  int network = 0;     // index in the plan
  int index = 0;       // of this rank among the ML ranks of its network
  std::string device;  // "cpu" or "cuda:N"
  int threads = 1;
  std::string note;
};

// One Placement for each ML rank, in order; networks take ML ranks in plan order. Throws Error(plan) when the
// number of ML ranks is not what the plan asks for, or a device is not there.
std::vector<Placement> place_networks(const std::vector<NetworkSpec>& networks, const std::vector<MlRank>& ranks);

}  // namespace ekman
