// Implements network_site.hpp.
#include "coupler/session/network_site.hpp"

#include <algorithm>
#include <vector>

#include "coupler/base/joined.hpp"
#include "coupler/comm/process.hpp"
#include "coupler/layout/layout.hpp"

namespace ekman {

namespace {

std::string words_of(const std::vector<std::string>& each) {
  const bool alike = std::all_of(each.begin(), each.end(), [&](const auto& one) { return one == each.front(); });
  return alike ? each.front() : joined(each, ", ");
}

}  // namespace

NetworkSite share_site(const Communicator& comm, const NetworkSpec& spec, std::int64_t points, bool shared_cores,
                       const std::string& device) {
  const bool is_ml = comm.rank() < spec.ranks;
  const std::vector<std::string> told = comm.gather(is_ml ? device + "\n" + node_name() : "", 0, shared_cores);
  std::string text;
  if (comm.rank() == 0) {
    std::vector<std::string> devices, nodes;
    for (std::size_t rank = 0; rank < static_cast<std::size_t>(spec.ranks); ++rank) {
      const std::size_t end = told[rank].find('\n');
      devices.push_back(told[rank].substr(0, end));
      nodes.push_back(told[rank].substr(end + 1));
    }
    text = words_of(devices) + "\n" + words_of(nodes);
  }
  comm.broadcast(text, 0);
  const std::size_t end = text.find('\n');
  return {spec.ranks, chunk_count(points, spec.rows_per_chunk()), text.substr(0, end), text.substr(end + 1)};
}

}  // namespace ekman
