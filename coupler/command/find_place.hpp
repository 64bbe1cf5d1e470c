// Which network this rank runs, and on which device: for ML ranks and for the commands that work on recordings.
#pragma once

#include <vector>

#include "coupler/comm/communicator.hpp"
#include "coupler/engine/placement.hpp"

namespace ekman {

// Collective. `ranks` are all that run `networks`, as place_networks() deals them. Throws PrintedError.
Placement find_place(const Communicator& ranks, const std::vector<NetworkSpec>& networks);

}  // namespace ekman
