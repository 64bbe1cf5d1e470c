// A key of a plan by its path, as studies name it: `networks.heating.chunk`, `networks.heating.inputs[0].combine`.
#pragma once

#include <string>
#include <vector>

#include "adapters/yaml/key_table.hpp"
#include "adapters/yaml/tree.hpp"

namespace ekman {

struct PlanPath {
  struct Step {
    std::string name;
    std::size_t item = 0;
    bool is_item = false;  // of a list, in place of a name
  };
  std::vector<Step> steps;
  const Key* key = nullptr;  // what stands there
  std::string problem;       // why there is no such key, with the cure
};

// Names that users choose, of components, networks and fields, must be in `plan`; they may have points in them.
PlanPath find_plan_path(const std::string& path, const Tree& plan);

// Puts `value` there, with the mappings around it that are not there yet; its place in the file is that of the value
// before it, or of what it was put into.
void set_value(Tree& plan, const PlanPath& path, const Tree& value);

// YAML of a tree in one line; quotes that were not needed are gone.
std::string flow_text(const Tree& tree);

}  // namespace ekman
