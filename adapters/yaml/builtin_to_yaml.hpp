// How built-in networks, and those of the user's own, are written as YAML.
#pragma once

#include "adapters/yaml/yaml_writing.hpp"
#include "coupler/plan/plan.hpp"

namespace ekman {

// All keys of networks.*.network, left out.
Values no_source();

Write builtin_of(const NetworkSource& source);

}  // namespace ekman
