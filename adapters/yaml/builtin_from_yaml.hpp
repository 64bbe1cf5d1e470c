// The part of the plan below networks.*.network that makes built-in networks, and those of the user's own.
#pragma once

#include <string>
#include <vector>

#include "adapters/yaml/diagnostics.hpp"
#include "adapters/yaml/tree.hpp"
#include "coupler/plan/plan.hpp"

namespace ekman {

// Keys beside `builtin`: those of all built-in networks.
std::vector<std::string> builtin_extras();

// Of the mapping `tree` at `path`, which has `builtin`, or `own`. Adds to `diagnostics` keys of another built-in
// network and keys that are missing.
NetworkSource read_builtin(const Tree& tree, const std::string& path, Diagnostics& diagnostics);
NetworkSource read_own(const Tree& tree, const std::string& path, const std::string& plan_file,
                       Diagnostics& diagnostics);

}  // namespace ekman
