// A whole job on a simulated machine, in this process: ML ranks that serve a plan, and stand-ins of its components.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "coupler/simulation/cluster.hpp"

namespace ekman {

struct SimulationOptions {
  std::string plan;
  std::map<std::string, int> ranks;         // of each component
  std::map<std::string, double> step_time;  // of each component's own code, in seconds
  std::int64_t steps = 10;
  std::string platform;  // a file; empty: the cluster
  Cluster cluster;
  int ml_per_node = 0;     // ML ranks of a node that has them alone; 0: they follow the components on their nodes
  double copy_rate = 0.0;  // bytes a second of packing and unpacking; 0: no time
  int stack = 1024;        // of each rank, KiB
  std::vector<std::string> settings;  // of SimGrid, such as "smpi/os:0:1e-6:0"
};

// Returns the exit status. Throws Error.
int simulate_job(const SimulationOptions& options);

}  // namespace ekman
