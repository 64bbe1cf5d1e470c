// The machine that is simulated: nodes of one kind in a star of links, or a platform file of SimGrid.
#pragma once

#include <string>
#include <vector>

namespace simgrid::s4u {
class Host;
}

namespace ekman {

// A node has one link to the others, with `bandwidth` in each direction; ranks of a node talk over its memory,
// whose bandwidth all of them share. Texts with units as SimGrid has them: "12.5GBps", "100Gbps", "2us".
struct Cluster {
  int nodes = 0;  // 0: as many as are needed
  int cores = 32;
  std::string bandwidth = "12.5GBps";
  std::string latency = "2us";  // between two nodes, of a message of no bytes
  std::string memory_bandwidth = "100GBps";
  std::string memory_latency = "500ns";
};

// From "nodes=64,cores=32,bandwidth=12.5GBps". Throws Error(usage).
Cluster parse_cluster(const std::string& text);

// Its nodes, in a simulation that has begun. Throws Error(usage) for texts that SimGrid does not understand.
std::vector<simgrid::s4u::Host*> make_cluster(const Cluster& cluster, int nodes);
std::vector<simgrid::s4u::Host*> load_platform(const std::string& file);

}  // namespace ekman
