// Plan -> YAML with every default filled in, and where it is run.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "coupler/plan/plan.hpp"

namespace ekman {

// "PT10M" for so many microseconds.
std::string duration_text(std::int64_t microseconds);

// One line of what a run is, for instance {"ekman", "0.1.0"}; a list if there are several.
struct RunFact {
  std::string name;
  std::vector<std::string> values;
};

// A plan that reads back as `plan`: each key of the table that has a value, in the order of the table. Files
// are absolute, so that it can be kept anywhere. `run`, if not empty, goes under the key `x-run`, which plans
// ignore.
std::string plan_to_yaml(const Plan& plan, const std::vector<RunFact>& run = {});

}  // namespace ekman
