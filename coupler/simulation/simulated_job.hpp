// A whole job on a simulated machine, in this process: ML ranks that serve a plan, and stand-ins of its components.
#pragma once

#include <string>
#include <vector>

#include "coupler/command/mimic_options.hpp"
#include "coupler/simulation/cluster.hpp"

namespace ekman {

struct SimulationOptions {
  MimicOptions mimic;    // `ranks` of all components; `component` is not used
  std::string platform;  // a file; empty: the cluster
  Cluster cluster;
  int ml_per_node = 0;     // ML ranks of a node, which they have alone; 0: they follow the components on their nodes
  double copy_rate = 0.0;  // GB a second of packing and unpacking; 0: they take no time
  int stack = 1024;        // of each rank, KiB
  std::vector<std::string> settings;  // of SimGrid, such as "smpi/os:0:1e-6:0"
};

// Returns the exit status. Throws Error.
int simulate_job(const SimulationOptions& options);

}  // namespace ekman
