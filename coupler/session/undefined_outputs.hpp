// Outputs that a component does not define: those of a network that learns from targets, whose number of levels is
// known all the same. They are learned, nobody gets them, and they do not travel. Pure.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "coupler/session/definitions.hpp"

namespace ekman {

// Outputs of `component`'s networks that it may leave undefined, so far as the plan says: the network learns from
// targets, the output is nothing that the component puts, and its levels stand in the plan or are those of its target.
std::set<std::string> optional_outputs(const Plan& plan, const std::string& component);

// `mine`, and the optional outputs that it has not: with what the plan's `fields` say, else as the target is, on the
// point set of the network's first input. Without those whose levels a target must say that is not defined either.
Definitions completed(const Plan& plan, const std::string& component, const Definitions& mine);

// Outputs of `network` that `mine` has not, in the order of the plan.
std::vector<std::string> undefined_outputs(const NetworkSpec& network, const Definitions& mine);

// A line for each network of `component` that has undefined outputs.
std::vector<std::string> undefined_output_lines(const Plan& plan, const std::string& component,
                                                const Definitions& mine);

}  // namespace ekman
