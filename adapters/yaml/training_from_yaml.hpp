// The part of a plan below networks.*.training.
#pragma once

#include <string>

#include "adapters/yaml/diagnostics.hpp"
#include "adapters/yaml/tree.hpp"
#include "coupler/plan/training_spec.hpp"

namespace ekman {

// `tree` is checked against the key table already; `path` is its place in the plan. What is wrong besides goes to
// `diagnostics`.
TrainingSpec read_training(const Tree& tree, const std::string& path, const std::string& plan_file,
                           Diagnostics& diagnostics);

}  // namespace ekman
