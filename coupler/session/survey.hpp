// Who runs where: the nodes of a job with the ranks on them, for the record of the run.
#pragma once

#include <string>
#include <vector>

#include "coupler/session/startup.hpp"

namespace ekman {

// Collective over all ranks of the job; `group` is what this rank belongs to, for instance "component
// atmosphere". On the first rank of the group that `records` the run, which is that of one group, one line for each
// node, such as "node7: 96 ranks of component atmosphere, 2 ranks of ekman serve"; nothing elsewhere. Memory is O(ranks
// of the node) on all ranks, O(nodes) on one rank of each node.
std::vector<std::string> survey_nodes(const Job& job, const std::string& group, bool records);

}  // namespace ekman
