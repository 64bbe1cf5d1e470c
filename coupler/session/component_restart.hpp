// The component rank's half of a restart set on one route: partial reductions go to the owners of the chunks,
// and come back at enddef of a run that resumes. Init thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "coupler/exchange/reduction.hpp"
#include "coupler/session/restart_words.hpp"
#include "coupler/session/route_setup.hpp"

namespace ekman {

using Reducers = std::vector<std::unique_ptr<Reducer>>;  // of inputs, then of truth; null: the last value counts

// Together with all ranks of the component. Returns when the network's file is finished. Memory: O(points of
// this rank) of one field at a time.
void write_restart(const Route& route, const RestartRequest& request, const Reducers& reducers);

// One rank of the component has its first point, if there is any; the owner of that point publishes sets.
bool has_first_point(const Route& route);
// On that rank. Returns when the set has its final name.
void publish_restart(const Route& route, const std::string& label);

// At enddef. What the owners read from the set goes into `reducers`. Returns the set's step; 0 if this rank
// has no points.
std::int64_t receive_restart(const Route& route, std::int64_t period, const Reducers& reducers);

}  // namespace ekman
