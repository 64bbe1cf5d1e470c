// How a component rank reads what a network has learned, and where it runs; see component_side.hpp.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "coupler/base/joined.hpp"
#include "coupler/plan/did_you_mean.hpp"
#include "coupler/session/component_side.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace {

struct Quantity {
  const char* name;
  double LearningStatus::*value;
};
constexpr Quantity k_quantities[] = {
    {"step", &LearningStatus::step},
    {"loss", &LearningStatus::loss},
    {"validation_loss", &LearningStatus::validation_loss},
    {"learning_rate", &LearningStatus::learning_rate},
    {"gradient_norm", &LearningStatus::gradient_norm},
};

// What can be asked of any network.
constexpr const char* k_numbers[] = {"ml_ranks", "chunks"};
constexpr const char* k_texts[] = {"device", "node"};

std::string network_in(const std::string& name) { return name.substr(0, std::min(name.rfind('/'), name.size())); }
std::string quantity_in(const std::string& name) {
  const std::size_t slash = name.rfind('/');
  return slash == std::string::npos ? "" : name.substr(slash + 1);
}

double LearningStatus::*find_quantity(const std::string& name) {
  std::vector<std::string> names;
  for (const Quantity& quantity : k_quantities) {
    if (name == quantity.name) return quantity.value;
    names.emplace_back(quantity.name);
  }
  names.insert(names.end(), std::begin(k_numbers), std::end(k_numbers));
  throw Error(ErrorCode::usage,
              fmt::format("there is no scalar \"{}\" of a network{}", name,
                          did_you_mean(name, names, fmt::format("; ask for one of: {}", joined(names, ", ")))));
}

}  // namespace

const NetworkSite* ComponentSide::find_site(const std::string& network) const {
  for (std::size_t i = 0; i < routes_.size(); ++i)
    if (routes_[i]->spec().name == network) return &sites_[i];
  return nullptr;
}

std::string ComponentSide::string(const std::string& name) {
  require(Phase::run, "get_string");
  const NetworkSite* const site = find_site(network_in(name));
  const std::string quantity = quantity_in(name);
  if (site != nullptr && quantity == "device") return site->device;
  if (site != nullptr && quantity == "node") return site->node;
  std::vector<std::string> networks;
  for (const auto& route : routes_) networks.push_back(route->spec().name);
  throw Error(
      ErrorCode::usage,
      fmt::format("get_string of \"{}\": there is no such text (networks of this component: {}); name the network "
                  "and one of {}, such as \"convection/device\"",
                  name, networks.empty() ? "none" : joined(networks, ", "), joined(k_texts, ", ")));
}

double ComponentSide::scalar(const std::string& name) {
  require(Phase::run, "get_scalar");
  const CallTimer timer(profile_.get());
  const std::size_t slash = name.rfind('/');
  const std::string network = network_in(name);
  if (const NetworkSite* site = find_site(network); site != nullptr) {
    if (quantity_in(name) == "ml_ranks") return static_cast<double>(site->ml_ranks);
    if (quantity_in(name) == "chunks") return static_cast<double>(site->chunks);
  }
  require_init_thread("get_scalar");
  std::vector<std::string> learning;
  for (const auto& route : routes_) {
    if (route->spec().training.given) learning.push_back(route->spec().name);
  }
  const auto route = std::find_if(routes_.begin(), routes_.end(),
                                  [&](const auto& candidate) { return candidate->spec().name == network; });
  if (slash == std::string::npos || route == routes_.end() || !(*route)->spec().training.given) {
    throw Error(
        ErrorCode::usage,
        fmt::format("get_scalar of \"{}\": it is of no network of this component that learns (those are: {}); "
                    "name the network and what you ask for, such as \"convection/loss\", or ml_ranks or chunks of "
                    "any network",
                    name, learning.empty() ? "none" : joined(learning, ", ")));
  }
  double LearningStatus::*const quantity = find_quantity(name.substr(slash + 1));
  if ((*route)->has_tape() && (quantity == &LearningStatus::loss || quantity == &LearningStatus::validation_loss)) {
    throw Error(ErrorCode::usage,
                fmt::format("get_scalar of \"{}\": network \"{}\" learns from adjoints, so that its loss is in the "
                            "component; take it from there, or ask for step, learning_rate or gradient_norm",
                            name, network));
  }
  const CallScope call(state_, Call::scalar);
  if ((*route)->spec().lag == 0) require_put(inputs_of((*route)->spec()), "get_scalar", name, network);
  if (!(*route)->has_outputs()) return std::numeric_limits<double>::quiet_NaN();
  const int speaker = speakers_[static_cast<std::size_t>(route - routes_.begin())];
  if (speaker >= job_.local.size()) return std::numeric_limits<double>::quiet_NaN();  // no points anywhere
  LearningStatus status{};
  (*route)->post();  // the speaker may wait for rows that other threads have packed here
  if (local_rank_ == speaker) (*route)->status(status);
  const WaitScope waiting(state_, Call::scalar);
  job_.local.broadcast_bytes(reinterpret_cast<std::byte*>(&status), sizeof status, speaker, job_.shared_cores);
  return status.*quantity;
}

}  // namespace ekman
