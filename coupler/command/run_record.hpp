// What a run was, kept beside its output: the plan with all defaults, versions, nodes, ranks and devices.
#pragma once

#include <string>
#include <vector>

#include "adapters/yaml/plan_to_yaml.hpp"
#include "coupler/plan/plan.hpp"

namespace ekman {

// Makes the plan's output directory, if it is not there. Throws Error(plan) if files cannot be written in it.
void prepare_output(const Plan& plan);

// Writes <output directory>/ekman-run.yaml, which `ekman serve` takes as a plan again: first under another
// name, so that a file of that name is always whole. `nodes` has a line for each, `runners` one for each ML rank, or
// for each network that runs inline. A profile of a run before is
// removed, if this run is to have one. Throws Error(plan).
void write_run_record(const Plan& plan, const std::vector<std::string>& nodes, const RunFact& runners);

}  // namespace ekman
