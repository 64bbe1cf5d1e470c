// Deals ML ranks to networks and GPUs to ML ranks.
#include "coupler/engine/placement.hpp"

#include <fmt/format.h>

#include <cctype>
#include <map>

#include "ekman/error.hpp"

namespace ekman {
namespace {

[[noreturn]] void fail(const std::string& text) { throw Error(ErrorCode::plan, text); }

void check_rank_count(const std::vector<NetworkSpec>& networks, std::size_t found) {
  std::size_t asked = 0;
  std::string parts;
  for (const NetworkSpec& network : networks) {
    if (network.is_inline()) continue;
    if (network.ranks < 1)
      fail(fmt::format("network \"{}\": ranks is {}; it must be at least 1", network.name, network.ranks));
    asked += static_cast<std::size_t>(network.ranks);
    parts += fmt::format("{}{}: {}", parts.empty() ? "" : ", ", network.name, network.ranks);
  }
  if (asked == found) return;
  fail(fmt::format(
      "the plan asks for {} ML rank{} ({}), but there {} {} `ekman serve` rank{}; start {} of them "
      "(mpirun ... : -n {} ekman serve plan.yaml) or change `ranks` in the plan",
      asked, asked == 1 ? "" : "s", parts, found == 1 ? "is" : "are", found, found == 1 ? "" : "s", asked, asked));
}

const std::string& asked_device(const NetworkSpec& network, int index) {
  const std::size_t count = network.devices.size();
  if (count == 1) return network.devices.front();
  if (count != static_cast<std::size_t>(network.ranks)) {
    fail(fmt::format("network \"{}\" lists {} devices for {} ranks; give one device for all or one for each rank",
                     network.name, count, network.ranks));
  }
  return network.devices[static_cast<std::size_t>(index)];
}

// N of "cuda:N", or -1 if `device` is nothing of the kind.
int numbered_gpu(const std::string& device) {
  const std::string prefix = "cuda:";
  if (device.rfind(prefix, 0) != 0 || device.size() == prefix.size() || device.size() > prefix.size() + 4) return -1;
  int number = 0;
  for (std::size_t i = prefix.size(); i < device.size(); ++i) {
    if (!std::isdigit(static_cast<unsigned char>(device[i]))) return -1;
    number = 10 * number + (device[i] - '0');
  }
  return number;
}

std::string plural_gpus(int gpus) { return gpus == 1 ? "1 GPU" : fmt::format("{} GPUs", gpus); }

// Fills device and note. `next` counts the ranks of this node that took a GPU in turn.
void choose_device(const std::string& asked, const MlRank& rank, const std::string& who, int& next, Placement& place) {
  if (asked == "cpu") {
    place.device = "cpu";
  } else if (asked == "auto" && rank.gpus == 0) {
    place.device = "cpu";
    place.note = "auto: no GPU on this node, takes the CPU";
  } else if (asked == "auto" || asked == "cuda") {
    if (rank.gpus == 0) {
      fail(
          fmt::format("{} asks for device cuda, but node \"{}\" has no GPU that LibTorch sees; use `device: auto` "
                      "or `cpu`, or start it on a node with GPUs",
                      who, rank.node));
    }
    if (next >= rank.gpus)
      place.note = fmt::format("{}: shares its GPU ({} on this node)", asked, plural_gpus(rank.gpus));
    place.device = fmt::format("cuda:{}", next++ % rank.gpus);
  } else if (const int number = numbered_gpu(asked); number >= 0) {
    if (number >= rank.gpus) {
      fail(
          fmt::format("{} asks for device {}, but node \"{}\" has {}; GPUs count from 0, so name a lower one, or use "
                      "`device: auto`",
                      who, asked, rank.node, plural_gpus(rank.gpus)));
    }
    place.device = asked;
  } else {
    fail(fmt::format("{} asks for device \"{}\"; use cpu, cuda, cuda:N or auto", who, asked));
  }
}

}  // namespace

std::vector<Placement> place_networks(const std::vector<NetworkSpec>& networks, const std::vector<MlRank>& ranks) {
  check_rank_count(networks, ranks.size());
  std::vector<Placement> places;
  std::map<std::string, int> next_on_node;
  for (std::size_t n = 0; n < networks.size(); ++n) {
    for (int index = 0; index < networks[n].ranks; ++index) {
      const MlRank& rank = ranks[places.size()];
      const std::string who = fmt::format("network \"{}\", ML rank {}", networks[n].name, places.size());
      Placement place;
      place.network = static_cast<int>(n);
      place.index = index;
      place.threads = networks[n].threads;
      choose_device(asked_device(networks[n], index), rank, who, next_on_node[rank.node], place);
      if (networks[n].cuda_graph && place.device == "cpu")
        place.note += fmt::format("{}cuda_graph is ignored on a CPU", place.note.empty() ? "" : "; ");
      places.push_back(place);
    }
  }
  return places;
}

}  // namespace ekman
