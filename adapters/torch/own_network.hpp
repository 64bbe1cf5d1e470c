// Networks of the user's own, from a shared library; see include/ekman/network.hpp.
#pragma once

#include "adapters/torch/include/ekman/network.hpp"
#include "coupler/plan/plan.hpp"

namespace ekman {

// Loads the library of `source`, which stays loaded, and returns what makes its network. Throws Error(network) that
// names `network`, of the plan, if there is no such file, network or version.
MakeNetwork find_own_network(const std::string& network, const NetworkSource& source);

}  // namespace ekman
