// Implements find_place.hpp.
#include "coupler/command/find_place.hpp"

#include <fmt/format.h>

#include "coupler/comm/process.hpp"
#include "coupler/command/network_library.hpp"
#include "coupler/session/agree.hpp"

namespace ekman {

Placement find_place(const Communicator& ranks, const std::vector<NetworkSpec>& networks) {
  std::vector<MlRank> all;
  for (const std::string& text : ranks.all_gather(fmt::format("{} {}", gpu_count(networks), node_name()))) {
    const std::size_t blank = text.find(' ');
    all.push_back({text.substr(blank + 1), std::stoi(text.substr(0, blank))});
  }
  std::string problem;
  std::vector<Placement> places;
  try {
    places = place_networks(networks, all);
  } catch (const Error& error) {
    problem = error.what();
  }
  agree(ranks, ErrorCode::plan, problem);
  return places[static_cast<std::size_t>(ranks.rank())];
}

}  // namespace ekman
