// What a component can ask about where a network runs.
#pragma once

#include <cstdint>
#include <string>

#include "coupler/comm/communicator.hpp"
#include "coupler/plan/plan.hpp"

namespace ekman {

struct NetworkSite {
  std::int64_t ml_ranks = 0;  // 0: inline
  std::int64_t chunks = 0;    // all ML ranks together
  // Of each ML rank in their order, with ", " between them; once if all are alike. Inline: of this rank.
  std::string device;
  std::string node;
};

// Collective over `comm`, that of a route: its ML ranks bring the device that they run on. Returned is the same on all
// ranks.
NetworkSite share_site(const Communicator& comm, const NetworkSpec& spec, std::int64_t points, bool shared_cores,
                       const std::string& device = "");

}  // namespace ekman
