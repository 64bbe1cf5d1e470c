// Plan and recordings of the commands that work without a running model.
#pragma once

#include <string>
#include <vector>

#include "coupler/comm/communicator.hpp"
#include "coupler/command/plan_statistics.hpp"
#include "coupler/engine/placement.hpp"
#include "coupler/offline/recordings.hpp"

namespace ekman {

// By the number in the name, which a run that is resumed counts on; copies have times of their own.
std::vector<std::string> oldest_first(std::vector<std::string> files);

// Collective. The plan, which the first rank reads; what `ekman check` warns of is about a running model. Throws
// PrintedError.
Plan read_plan_on_first(const Communicator& ranks, const std::string& path,
                        MissingStatistics missing = MissingStatistics::error);

// The network named, or the only one that learns. Throws Error(plan).
const NetworkSpec& learning_network(const Plan& plan, const std::string& name);

// Collective. Opens what the names and patterns stand for, the oldest first. Throws PrintedError.
Recordings open_recordings(const Communicator& ranks, const std::vector<std::string>& names, const Plan& plan,
                           const NetworkSpec& spec);

// Collective. Each rank serves `spec`, as its ML ranks would. Throws PrintedError.
Placement find_place_everywhere(const Communicator& ranks, const NetworkSpec& spec);

}  // namespace ekman
