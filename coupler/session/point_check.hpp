// The points of a component, counted over its ranks at enddef: how many there are, and whether one is there
// twice.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "coupler/session/definitions.hpp"

namespace ekman {

// What is wrong with the points of all ranks together. Pure. `totals` has the number of points of each point
// set.
std::vector<std::string> total_problems(const Plan& plan, const std::string& component, const Definitions& of_rank_0,
                                        const std::map<std::string, std::int64_t>& totals);

// Collective over `local`, the ranks of one component, which pass the names of rank 0's point sets in `sets`.
// Every problem is found on one rank. A rank's part of the search is in proportion to its points, plus 16
// bytes a rank of the component.
std::vector<Disagreement> check_points(const Communicator& local, const Plan& plan, const std::string& component,
                                       const Definitions& of_rank_0, const std::vector<std::string>& sets,
                                       const PointSets& points);

}  // namespace ekman
