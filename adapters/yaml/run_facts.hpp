// What `ekman-run.yaml` says of a run besides its plan.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "adapters/yaml/plan_to_yaml.hpp"

namespace ekman {

struct RunFacts {
  bool profiled = false;                                  // output.profile
  std::vector<RunFact> facts;                             // `x-run`: versions, nodes, ranks
  std::vector<std::pair<std::string, std::string>> logs;  // of networks that learn: name, and `log.csv` as it is there
};

// Reads what is there and asks for nothing, since files that the plan names may be gone. `text` is that of
// `file_name`, which messages have. Throws Error(ErrorCode::plan) if it is no YAML.
RunFacts run_facts(const std::string& text, const std::string& file_name);

}  // namespace ekman
